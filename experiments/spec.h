// The experiment's spec: read, changed from the command line, checked whole.
#ifndef EXPERIMENTS_SPEC_H_
#define EXPERIMENTS_SPEC_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "experiments/experiment.pb.h"

namespace metaprompt {

// Reads the file, applies each `FIELD=VALUE` of `sets` in order, checks everything that can be checked without the
// data, and writes out the defaults. The error lists every broken rule, a line each.
absl::StatusOr<ExperimentSpec> LoadSpec(const std::string& path, const std::vector<std::string>& sets);

// The dataset alone: the file need have nothing else, and what else it has is not checked.
absl::StatusOr<DatasetSpec> LoadDatasetSpec(const std::string& path, const std::vector<std::string>& sets);

// The broken rules of a spec, each naming its field: those of the fields and those between fields.
std::vector<std::string> CheckSpec(const ExperimentSpec& spec);

// The shape of meta-training episodes.
int TrainWays(const EpisodeSpec& spec);
int TrainQueries(const EpisodeSpec& spec);

}  // namespace metaprompt

#endif  // EXPERIMENTS_SPEC_H_
