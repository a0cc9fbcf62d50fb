// The spec of a fine-tuning: reading it and checking it.
#ifndef EXPERIMENTS_FINE_TUNING_FINE_TUNING_SPEC_H_
#define EXPERIMENTS_FINE_TUNING_FINE_TUNING_SPEC_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "experiments/fine_tuning/fine_tuning.pb.h"

namespace metaprompt {

// Reads the file, applies each `FIELD=VALUE` of `sets` in order, checks all that can be checked without the data, and
// fills in the defaults. The error has one line per broken rule.
absl::StatusOr<FineTuningSpec> LoadFineTuningSpec(const std::string& path, const std::vector<std::string>& sets);

// Sets every unset field to its default, except the shares of published texts: these would look as if they were used.
void WriteOutFineTuning(FineTuningSpec* spec);

// The broken rules of a spec, of single fields and between fields; each names its field. Empty: the spec is sound.
std::vector<std::string> CheckFineTuningSpec(const FineTuningSpec& spec);

}  // namespace metaprompt

#endif  // EXPERIMENTS_FINE_TUNING_FINE_TUNING_SPEC_H_
