// Meta-training with validation, early stopping and checkpoints, for one number of shots.
#ifndef EXPERIMENTS_RUNS_TRAIN_H_
#define EXPERIMENTS_RUNS_TRAIN_H_

#include <atomic>
#include <string>

#include "absl/status/statusor.h"
#include "experiments/host/progress.h"
#include "experiments/result.pb.h"
#include "experiments/runs/run_directory.h"
#include "experiments/runs/workbench.h"
#include "learners/inner/task_pool.h"
#include "learners/learner.h"
#include "metaprompt/model/params.h"

namespace metaprompt {

// What a run's parts share.
struct RunContext {
  Workbench* bench = nullptr;
  const Learner* learner = nullptr;
  RunDirectory* directory = nullptr;
  TaskPool* pool = nullptr;
  Progress* progress = nullptr;
  const std::atomic<bool>* stop = nullptr;  // set: save and return Cancelled
};

struct Trained {
  ParamList params;   // of the best validation
  ShotResult result;  // the curve, and which meta-step was best
};

// Goes on from the folder's checkpoint if there is one. Leaves `checkpoint-Kshot.safetensors`, to go on from, and
// `best-Kshot.safetensors`, the parameters that validated best.
absl::StatusOr<Trained> MetaTrain(const RunContext& context, int shots);

}  // namespace metaprompt

#endif  // EXPERIMENTS_RUNS_TRAIN_H_
