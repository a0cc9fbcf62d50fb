// Trains on texts, with validations, checkpoints and progress lines, and returns the best parameters.
#ifndef EXPERIMENTS_TRAINING_TRAIN_STEPS_H_
#define EXPERIMENTS_TRAINING_TRAIN_STEPS_H_

#include <atomic>
#include <functional>

#include "absl/status/statusor.h"
#include "experiments/host/progress.h"
#include "experiments/runs/run_directory.h"
#include "experiments/training/objective.h"
#include "experiments/training/training.pb.h"
#include "experiments/watching/run_events.h"
#include "learners/inner/task_pool.h"
#include "metaprompt/model/params.h"

namespace metaprompt {

// The objects that training uses. All must outlive it.
struct TrainingContext {
  RunDirectory* directory = nullptr;
  TaskPool* pool = nullptr;
  Progress* progress = nullptr;
  const std::atomic<bool>* stop = nullptr;
  at::Device device = at::kCPU;
  RunEvents* events = nullptr;  // null: no events for TensorBoard
};

struct TrainedSteps {
  ParamList params;     // those with the best validation
  TrainingState state;  // with the whole curve
};

// Trains, or continues from the directory's checkpoint-training.safetensors. The best parameters so far are in
// best.safetensors. `what` names the work in progress lines: "pre-training". `start` makes the parameters of step 0.
// Cancelled: `stop` was set; the state is saved.
//
// The events of step s, counted from 1, are loss, accuracy, gradient_norm (before clipping), rate (of the uppermost
// layer) and steps_per_second; those of a validation after s steps are loss and accuracy.
absl::StatusOr<TrainedSteps> TrainSteps(const std::string& what, const StepsSpec& steps, const OptimizerSpec& optimizer,
                                        const std::function<absl::StatusOr<ParamList>()>& start,
                                        const TrainingContext& context, Objective* objective);

// Removes the notes on the inputs, the checkpoint and the best parameters. For a complete run, whose folder has the
// result in another form.
void RemoveTrainingFiles(const RunDirectory& directory);

// The curve as tab-separated values with a header.
std::string CurveText(const TrainingState& state);

}  // namespace metaprompt

#endif  // EXPERIMENTS_TRAINING_TRAIN_STEPS_H_
