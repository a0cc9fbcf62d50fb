// Checks where a command may write the file that an option names.
#ifndef EXPERIMENTS_HOST_OUTPUT_FILE_H_
#define EXPERIMENTS_HOST_OUTPUT_FILE_H_

#include <string>
#include <vector>

#include "absl/status/status.h"

namespace metaprompt {

// OK if a command that reads `inputs` may write to `path`. The command may not replace an input file, or a file in an
// input folder, even under another name (a link). It may not replace a SHA256SUMS, or a file that the SHA256SUMS in the
// same folder or in the folder above lists: these are parts of a run or of a saved classifier. Inputs that do not
// exist, descriptors, devices and pipes are not checked. The error names the path.
absl::Status CheckOutput(const std::string& path, const std::vector<std::string>& inputs);

// Whether `path`, or the target of a link there, is a file or a folder. Descriptors, devices and pipes do not count,
// because writing to them replaces nothing.
bool IsFileOrFolder(const std::string& path);

}  // namespace metaprompt

#endif  // EXPERIMENTS_HOST_OUTPUT_FILE_H_
