// Writes and reads the tensors of an adapted classifier as a safetensors file.
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

// Writes the lists of `adapted`. The name of a tensor is the name of its list (model, head, own or fitted), a slash,
// and its index in the list.
absl::Status WriteAdapted(const std::string& path, const AdaptedParams& adapted, BeforeRename before_rename);

// Reads what WriteAdapted wrote, in float32, and checks that each tensor has the shape that follows from the run's
// model, its learner and the number of classes. `sha256` becomes the hash of the file's bytes. The error names the file
// and the tensor.
absl::StatusOr<AdaptedParams> ReadAdapted(const std::string& path, const FinishedRun& run, int64_t classes,
                                          std::string* sha256);

}  // namespace metaprompt

#endif  // EXPERIMENTS_OWN_TEXTS_ADAPTED_FILE_H_
