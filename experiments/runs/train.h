// Meta-training with validation, early stopping and checkpoints, for one number of shots.
#ifndef EXPERIMENTS_RUNS_TRAIN_H_
#define EXPERIMENTS_RUNS_TRAIN_H_

#include "absl/status/statusor.h"
#include "experiments/result.pb.h"
#include "experiments/runs/run_context.h"
#include "metaprompt/model/params.h"

namespace metaprompt {

struct Trained {
  ParamList params;   // the parameters of MetaInfos that validated best
  ShotResult result;  // the curve, and which meta-step was best
};

// Whether the initial parameters are tested, too: as the baseline, or because nothing is trained.
bool TestsInitialParams(const ExperimentSpec& spec);

// Continues from the run directory's checkpoint if there is one. Writes to the directory
// `checkpoint-Kshot.safetensors`, to continue from, and `best-Kshot.safetensors`, the parameters that validated best.
absl::StatusOr<Trained> MetaTrain(const RunContext& context, int shots);

}  // namespace metaprompt

#endif  // EXPERIMENTS_RUNS_TRAIN_H_
