// The tensors of an adapted classifier in a safetensors file.
#ifndef EXPERIMENTS_OWN_TEXTS_ADAPTED_FILE_H_
#define EXPERIMENTS_OWN_TEXTS_ADAPTED_FILE_H_

#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "experiments/workbench/finished_run.h"
#include "learners/learner.h"
#include "metaprompt/base/files.h"

namespace metaprompt {

// Writes the lists of `adapted`. The name of a tensor is its list's (model, head, own or fitted), a slash and its
// place.
absl::Status WriteAdapted(const std::string& path, const AdaptedParams& adapted, BeforeRename before_rename);

// Reads what WriteAdapted wrote, in float32, and checks that each tensor has the size that the run's model, its learner
// and the number of classes ask for. `sha256` becomes the hash of the file's bytes. The error names the file and the
// tensor.
absl::StatusOr<AdaptedParams> ReadAdapted(const std::string& path, const FinishedRun& run, int64_t classes,
                                          std::string* sha256);

}  // namespace metaprompt

#endif  // EXPERIMENTS_OWN_TEXTS_ADAPTED_FILE_H_
