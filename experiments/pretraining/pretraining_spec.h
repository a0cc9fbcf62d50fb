// The spec of pre-training: reads and checks it.
#ifndef EXPERIMENTS_PRETRAINING_PRETRAINING_SPEC_H_
#define EXPERIMENTS_PRETRAINING_PRETRAINING_SPEC_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "experiments/pretraining/pretraining.pb.h"

namespace metaprompt {

// Reads the file, applies each `FIELD=VALUE` of `sets` in order, checks it and fills in the defaults. The error has one
// line per broken rule.
absl::StatusOr<PretrainingSpec> LoadPretrainingSpec(const std::string& path, const std::vector<std::string>& sets);

// The broken rules, of single fields and between fields; each names its field.
std::vector<std::string> CheckPretrainingSpec(const PretrainingSpec& spec);

}  // namespace metaprompt

#endif  // EXPERIMENTS_PRETRAINING_PRETRAINING_SPEC_H_
