// The spec of an experiment: reads it, changes it from the command line, checks it.
#ifndef EXPERIMENTS_SPEC_H_
#define EXPERIMENTS_SPEC_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "experiments/experiment.pb.h"

namespace metaprompt {

// Reads the file, applies each `FIELD=VALUE` of `sets` in order, checks all that can be checked without the data, and
// that the parameters fit into this machine's memory, and fills in the defaults. A setting without effect is an error,
// too. The error has one line per broken rule.
absl::StatusOr<ExperimentSpec> LoadSpec(const std::string& path, const std::vector<std::string>& sets);

// The same for a spec that does not come from a file; `name` is what its errors begin with.
absl::StatusOr<ExperimentSpec> CompleteSpec(ExperimentSpec spec, const std::string& name);

// Reads only the dataset: the file may lack other parts, and they are not checked.
absl::StatusOr<DatasetSpec> LoadDatasetSpec(const std::string& path, const std::vector<std::string>& sets);

// The broken rules of a spec, of single fields and between fields; each names its field. Empty: the spec is valid. The
// result does not depend on the machine. Settings without effect do no harm in a record, and are not listed.
std::vector<std::string> CheckSpec(const ExperimentSpec& spec);

// The ways and queries of meta-training episodes.
int TrainWays(const EpisodeSpec& spec);
int TrainQueries(const EpisodeSpec& spec);

}  // namespace metaprompt

#endif  // EXPERIMENTS_SPEC_H_
