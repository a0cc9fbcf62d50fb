// Files that have parameters under their names.
#ifndef EXPERIMENTS_WORKBENCH_PARAM_FILE_H_
#define EXPERIMENTS_WORKBENCH_PARAM_FILE_H_

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "metaprompt/checkpoints/safetensors.h"
#include "metaprompt/model/params.h"

namespace metaprompt {

// Takes the parameters of `infos`, in their order, from `file`, where each name begins with `prefix`. Each must be
// there in float32, with its shape, and have only finite numbers. The error names the tensor and `path`, from which the
// file was read.
absl::Status TakeParams(absl::string_view prefix, const std::vector<ParamInfo>& infos, const TensorFile& file,
                        absl::string_view path, ParamList* params);

// Reads a file that holds exactly these parameters, each with its shape, in float32, all finite. The error names the
// file and the tensor. Reads the file once; `sha256`, if given, becomes the hash of its bytes.
absl::StatusOr<ParamList> ReadParamFile(const std::vector<ParamInfo>& infos, const std::string& path,
                                        std::string* sha256 = nullptr);

}  // namespace metaprompt

#endif  // EXPERIMENTS_WORKBENCH_PARAM_FILE_H_
