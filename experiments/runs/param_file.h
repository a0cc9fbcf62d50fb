// Files of parameters under their names.
#ifndef EXPERIMENTS_RUNS_PARAM_FILE_H_
#define EXPERIMENTS_RUNS_PARAM_FILE_H_

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "metaprompt/checkpoints/safetensors.h"
#include "metaprompt/model/params.h"

namespace metaprompt {

absl::StatusOr<TensorFile> ReadTensorFile(const std::string& path);

// The parameters whose names stand in `file`, which was read from `path`, behind `prefix`. Each must be there in its
// shape, in float; the error names file and tensor.
absl::Status TakeParams(absl::string_view prefix, const std::vector<ParamInfo>& infos, const TensorFile& file,
                        absl::string_view path, ParamList* params);

// A file of these parameters: every one must be there in its shape, in float, and no other tensor; the error names the
// file and the tensor.
absl::StatusOr<ParamList> ReadParamFile(const std::vector<ParamInfo>& infos, const std::string& path);

}  // namespace metaprompt

#endif  // EXPERIMENTS_RUNS_PARAM_FILE_H_
