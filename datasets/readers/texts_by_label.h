// What every importer hands over: texts under the labels that the source gives them, before any class split.
#ifndef DATASETS_READERS_TEXTS_BY_LABEL_H_
#define DATASETS_READERS_TEXTS_BY_LABEL_H_

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "datasets/readers/bad_lines.h"

namespace metaprompt {

// Labels in byte order; texts in the source's order, none of them empty, all as CollapseBlanks leaves them.
using TextsByLabel = std::map<std::string, std::vector<std::string>>;

// Runs of ASCII white space and control characters become one blank; none stays at either end. No tab and no line end
// is left, so that a text always fits one column of one line.
std::string CollapseBlanks(absl::string_view text);

// The same, of the text's first `max_words` words (0: of all). What follows them is not looked at.
std::string CollapseBlanks(absl::string_view text, int64_t max_words);

struct ImportOptions {
  bool skip_bad_lines = false;
  int64_t max_words = 0;  // kept of a text; 0: all
};

struct Imported {
  TextsByLabel texts;
  int64_t records = 0;      // what the source holds: texts, empty texts, damaged lines, and what has no single label
  int64_t empty_texts = 0;  // left out
  int64_t bad_lines = 0;    // left out
  std::map<std::string, std::string> names;  // of labels, where the source gives them

  // Adds a record; its text is one that CollapseBlanks returned, perhaps an empty one.
  void Add(std::string label, std::string text);

  // What an importer ends with: takes the damaged lines in, or returns the error that they are. It is an error, too, if
  // there is no text; `name` is what that error calls the source.
  absl::Status Finish(const BadLines& bad, const ImportOptions& options, absl::string_view name);
};

}  // namespace metaprompt

#endif  // DATASETS_READERS_TEXTS_BY_LABEL_H_
