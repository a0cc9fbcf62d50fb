// The state of training as the tensors of a checkpoint file.
#ifndef EXPERIMENTS_RUNS_STATE_FILE_H_
#define EXPERIMENTS_RUNS_STATE_FILE_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "learners/inner/meta_step.h"
#include "learners/inner/moment_owners.h"
#include "metaprompt/checkpoints/safetensors.h"
#include "metaprompt/model/params.h"

namespace metaprompt {

// The parameters under their names.
TensorFile ParamsFile(const std::vector<ParamInfo>& infos, const ParamList& params);

// All parameters as `params/NAME`, and the moments of parameters that have moments as `first/NAME` and `second/NAME`.
// `owners`: other processes that hold a part of the moments, which are read when it is their turn; null: there are
// none. `state` and `owners` must outlive the result.
StreamedTensors StateFile(const std::vector<ParamInfo>& infos, const LearnerState& state,
                          MomentOwners* owners = nullptr);

// Reads what was written of StateFile after `steps` updates into the device's memory. The error names `path` and the
// tensor.
absl::Status TakeState(const std::vector<ParamInfo>& infos, const TensorFile& file, const std::string& path,
                       int64_t steps, at::Device device, LearnerState* state);

// Moves the parameters that are defined to the device's memory.
void MoveTo(at::Device device, ParamList* params);

}  // namespace metaprompt

#endif  // EXPERIMENTS_RUNS_STATE_FILE_H_
