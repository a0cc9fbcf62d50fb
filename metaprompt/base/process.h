// Other programs, started without a shell.
#ifndef METAPROMPT_BASE_PROCESS_H_
#define METAPROMPT_BASE_PROCESS_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"

namespace metaprompt {

// What a command prints on its standard output. `arguments` are passed as they are, without a shell. The error holds
// the command and the last line of its standard error.
absl::StatusOr<std::string> CommandOutput(const std::vector<std::string>& arguments);

}  // namespace metaprompt

#endif  // METAPROMPT_BASE_PROCESS_H_
