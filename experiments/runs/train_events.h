// What TensorBoard shows of a meta-training, in the folders K-shot/train and K-shot/validation:
//   train:      loss, accuracy (both of the query sets), gradient_norm (before clipping), rate/KIND for each kind of
//               parameters, episodes_per_second
//   validation: accuracy, accuracy/low and accuracy/high (the 95 % interval), confusion (a text)
// Accuracies are in [0, 1]. Step s of `train` is the s-th meta-step, counted from 1; step s of `validation` is after s
// meta-steps.
#ifndef EXPERIMENTS_RUNS_TRAIN_EVENTS_H_
#define EXPERIMENTS_RUNS_TRAIN_EVENTS_H_

#include <cstdint>
#include <memory>
#include <vector>

#include "absl/status/status.h"
#include "experiments/result.pb.h"
#include "experiments/runs/evaluate.h"
#include "experiments/runs/run_context.h"
#include "experiments/watching/run_events.h"
#include "learners/inner/meta_step.h"
#include "metaprompt/model/params.h"

namespace metaprompt {

// Does nothing if the context has no events.
class MetaTrainingEvents {
 public:
  // `context` and `infos`, those of the trained parameters, must outlive the object.
  MetaTrainingEvents(const RunContext& context, const std::vector<ParamInfo>& infos)
      : context_(context), infos_(infos) {}

  // Continues after `done.meta_step` steps. If validations were not written before, they are now, without their
  // confusion matrices.
  absl::Status Begin(const TrainingProgress& done);
  // The meta-step that was the `step`-th, and how long it took.
  absl::Status Step(int64_t step, const StepStats& stats, double seconds);
  absl::Status Validation(const CurvePoint& point, const EpisodeLines& lines, const PlanOf& plan);
  // Must be called before the state of training is saved.
  absl::Status Sync();

 private:
  const RunContext& context_;
  const std::vector<ParamInfo>& infos_;
  std::unique_ptr<TrainingEvents> events_;  // null: none
};

}  // namespace metaprompt

#endif  // EXPERIMENTS_RUNS_TRAIN_EVENTS_H_
