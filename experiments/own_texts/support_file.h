// A file with a few labelled texts of a user's classes.
#ifndef EXPERIMENTS_OWN_TEXTS_SUPPORT_FILE_H_
#define EXPERIMENTS_OWN_TEXTS_SUPPORT_FILE_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace metaprompt {

struct SupportClass {
  std::string label;
  std::string name;                // from which the answer words come; DefaultName(label) if the file has none
  std::vector<std::string> texts;  // one example or more; an example of several texts is joined by JoinTexts
};

// The classes in the UTF-8 text `file`, which was read from `path`: `label<TAB>text` or `label<TAB>name<TAB>text`
// lines; empty lines are skipped. At least two classes, in the order of their first lines. Errors name file and line.
absl::StatusOr<std::vector<SupportClass>> SupportOf(absl::string_view file, const std::string& path);

// Whether `text` is valid UTF-8 without control characters, which terminals and files of columns would not show as it
// is.
bool IsPrintable(absl::string_view text);

}  // namespace metaprompt

#endif  // EXPERIMENTS_OWN_TEXTS_SUPPORT_FILE_H_
