// A few labelled texts of somebody's own classes.
#ifndef EXPERIMENTS_COMMANDS_SUPPORT_FILE_H_
#define EXPERIMENTS_COMMANDS_SUPPORT_FILE_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"

namespace metaprompt {

struct SupportClass {
  std::string label;
  std::string name;                // what a verbalizer reads; where the file has none, the label's words
  std::vector<std::string> texts;  // one or more
};

// Reads `label<TAB>text` or `label<TAB>name<TAB>text` lines, UTF-8; lines without anything are skipped. Two classes or
// more, in the order in which they come up, each with one name. An error names file and line.
absl::StatusOr<std::vector<SupportClass>> ReadSupport(const std::string& path);

}  // namespace metaprompt

#endif  // EXPERIMENTS_COMMANDS_SUPPORT_FILE_H_
