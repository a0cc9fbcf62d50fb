// Where a command may write the file that an option names.
#ifndef EXPERIMENTS_HOST_OUTPUT_FILE_H_
#define EXPERIMENTS_HOST_OUTPUT_FILE_H_

#include <string>
#include <vector>

#include "absl/status/status.h"

namespace metaprompt {

// OK if a command that reads `inputs` may write to `path`. It may not replace a file that is one of the inputs or lies
// in a folder that is one, under whatever name; nor a SHA256SUMS, nor a file that the SHA256SUMS in its folder or in
// the folder above lists, which is part of a run or of a saved classifier. Inputs that are not there, descriptors,
// devices and pipes are no obstacle. The error names the path.
absl::Status CheckOutput(const std::string& path, const std::vector<std::string>& inputs);

// Whether a file or folder is at `path`, or where it leads to. Descriptors, devices and pipes do not count: they are
// there to be written to.
bool IsFileOrFolder(const std::string& path);

}  // namespace metaprompt

#endif  // EXPERIMENTS_HOST_OUTPUT_FILE_H_
