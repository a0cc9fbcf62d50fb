// Whether a model's parameters fit into memory, before any of them is allocated.
#ifndef EXPERIMENTS_MODEL_SIZE_H_
#define EXPERIMENTS_MODEL_SIZE_H_

#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "metaprompt/model/model.pb.h"
#include "metaprompt/model/params.h"

namespace metaprompt {

// An error if the parameters alone, in float32, take more memory than this process can have. (Training takes several
// times as much.) The error begins with `what` and shows the arithmetic.
absl::Status CheckFits(absl::string_view what, const std::vector<ParamInfo>& infos);

// The same for an encoder with random initial values; its spec must have passed its rules. The vocabulary is counted
// only if the spec gives its size.
absl::Status CheckFits(const ModelSpec& spec);

}  // namespace metaprompt

#endif  // EXPERIMENTS_MODEL_SIZE_H_
