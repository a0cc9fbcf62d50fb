// The data of a run: texts by class, the record's facts about them, and the episodes that are drawn from them.
#ifndef EXPERIMENTS_WORKBENCH_RUN_DATA_H_
#define EXPERIMENTS_WORKBENCH_RUN_DATA_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "datasets/dataset.h"
#include "episodes/sampler.h"
#include "experiments/experiment.pb.h"
#include "experiments/result.pb.h"

namespace metaprompt {

// Draws the episodes of a split with `shots` support texts per class. Depends only on the spec and the data, so that a
// command that shows episodes draws the same ones as the run.
absl::StatusOr<EpisodeSampler> SamplerOf(const ExperimentSpec& spec, const Dataset& dataset, Split split, int shots);

class RunData {
 public:
  // Loads the data. Errors: those of the source, an answer for a class that does not exist, and splits too small for
  // the spec's episodes, for any of its numbers of shots.
  static absl::StatusOr<RunData> Open(const ExperimentSpec& spec);

  const Dataset& dataset() const { return dataset_; }
  const DatasetFacts& facts() const { return facts_; }

  // Checked by Open for every number of shots in the spec; for others it may be an error.
  absl::StatusOr<EpisodeSampler> Sampler(Split split, int shots) const {
    return SamplerOf(spec_, dataset_, split, shots);
  }
  // Training tasks in the shape of test episodes, that is without train_ways and train_queries, if there are enough
  // texts.
  EpisodeSampler TrainInTestShape(int shots) const;

  // All texts of the training classes.
  std::vector<std::string> TrainTexts() const;

 private:
  friend class TestSet;
  RunData() = default;

  ExperimentSpec spec_;
  Dataset dataset_;
  DatasetFacts facts_;
};

}  // namespace metaprompt

#endif  // EXPERIMENTS_WORKBENCH_RUN_DATA_H_
