// Meta-training with validation, early stopping and checkpoints, for one number of shots.
#ifndef EXPERIMENTS_RUNS_TRAIN_H_
#define EXPERIMENTS_RUNS_TRAIN_H_

#include "absl/status/statusor.h"
#include "experiments/result.pb.h"
#include "experiments/runs/run_context.h"
#include "metaprompt/model/params.h"

namespace metaprompt {

struct Trained {
  ParamList params;   // those that validated best; of MetaInfos
  ShotResult result;  // the curve, and which meta-step was best
};

// Whether the run needs the initial parameters again after training: for the baseline, or as the only ones to test.
bool TestsInitialParams(const ExperimentSpec& spec);

// Continues from the run directory's checkpoint if there is one. Leaves there `checkpoint-Kshot.safetensors`, to
// continue from, and `best-Kshot.safetensors`, the parameters that validated best.
absl::StatusOr<Trained> MetaTrain(const RunContext& context, int shots);

}  // namespace metaprompt

#endif  // EXPERIMENTS_RUNS_TRAIN_H_
