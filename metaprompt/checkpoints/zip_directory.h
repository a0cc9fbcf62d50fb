// What LibTorch's zip reader does not tell of an archive before it unpacks it.
#ifndef METAPROMPT_CHECKPOINTS_ZIP_DIRECTORY_H_
#define METAPROMPT_CHECKPOINTS_ZIP_DIRECTORY_H_

#include <string>

#include "absl/status/status.h"

namespace metaprompt {

// OK if every record of the archive is stored as it is, not compressed: it then takes no more memory than the file has
// bytes. Errors begin with the path.
absl::Status CheckZipIsNotCompressed(const std::string& path);

}  // namespace metaprompt

#endif  // METAPROMPT_CHECKPOINTS_ZIP_DIRECTORY_H_
