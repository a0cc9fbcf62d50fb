// Checks zip archives before LibTorch's reader unpacks them.
#ifndef METAPROMPT_CHECKPOINTS_ZIP_DIRECTORY_H_
#define METAPROMPT_CHECKPOINTS_ZIP_DIRECTORY_H_

#include <string>

#include "absl/status/status.h"

namespace metaprompt {

// OK if no record of the archive is compressed, so that no record needs more memory than the file has bytes. Errors
// begin with the path.
absl::Status CheckZipIsNotCompressed(const std::string& path);

}  // namespace metaprompt

#endif  // METAPROMPT_CHECKPOINTS_ZIP_DIRECTORY_H_
