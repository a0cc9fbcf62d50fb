// Texts or images by label, before any class split. Every source is read into this form.
#ifndef DATASETS_READERS_TEXTS_BY_LABEL_H_
#define DATASETS_READERS_TEXTS_BY_LABEL_H_

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "datasets/image_shape.h"
#include "datasets/readers/bad_lines.h"

namespace metaprompt {

// Labels in byte order; examples in the source's order. An example is a result of CollapseBlanks that is not empty, or
// several of these joined by JoinTexts; or it is an image (Imported::images).
using TextsByLabel = std::map<std::string, std::vector<std::string>>;

// Replaces each run of ASCII white space and control characters by one blank, and removes those at both ends. The
// result has no tabs and no line ends, so it fits into one column of one line.
std::string CollapseBlanks(absl::string_view text);

// The same for the first `max_words` words of the text (0: all). The rest is not read.
std::string CollapseBlanks(absl::string_view text, int64_t max_words);

// These texts, with collapsed blanks, joined into one example (JoinTexts).
std::string CollapsedExample(absl::Span<const std::string> texts);

struct ImportOptions {
  bool skip_bad_lines = false;
  int64_t max_words = 0;  // how many of the first words of each text to keep; 0: all
};

struct Imported {
  TextsByLabel texts;
  int64_t records = 0;      // of the source: texts, empty texts, damaged lines, and records without a single label
  int64_t empty_texts = 0;  // left out
  int64_t bad_lines = 0;    // left out
  std::map<std::string, std::string> names;  // by label, where the source has names
  std::optional<ImageShape> images;          // set: the examples are images of this shape, in place of texts

  // Adds a record. Its text is a result of CollapseBlanks, or several joined by JoinTexts, or the bytes of an image; an
  // empty one is counted and left out.
  void Add(std::string label, std::string text);

  // Every source calls this at its end. Counts the damaged lines, or returns their error unless `options` skip them.
  // No texts at all are an error, too; `name` is the name of the source in that error.
  absl::Status Finish(const BadLines& bad, const ImportOptions& options, absl::string_view name);
};

}  // namespace metaprompt

#endif  // DATASETS_READERS_TEXTS_BY_LABEL_H_
