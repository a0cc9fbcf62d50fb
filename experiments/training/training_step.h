// One update of the parameters by the gradient of a batch.
#ifndef EXPERIMENTS_TRAINING_TRAINING_STEP_H_
#define EXPERIMENTS_TRAINING_TRAINING_STEP_H_

#include <cstdint>
#include <vector>

#include "absl/status/statusor.h"
#include "experiments/training/objective.h"
#include "experiments/training/training.pb.h"
#include "learners/inner/adamw.h"
#include "learners/inner/meta_step.h"
#include "learners/inner/task_pool.h"
#include "metaprompt/model/params.h"

namespace metaprompt {

struct TrainingStats {
  double loss = 0;
  double correct = 0;
  double gradient_norm = 0;  // before clipping
};

// The peak step size of each parameter: lr * layer_decay^(L - l) in layer l of L; word_lr for the word vectors, if it
// is set.
std::vector<double> PeakRates(const OptimizerSpec& spec, const std::vector<ParamInfo>& infos);

// How the rate rises and falls.
Schedule ScheduleOf(const OptimizerSpec& spec);

// One of `total` updates. Each part's gradient is computed on one thread, and the gradients are summed in the order of
// the parts, so the result is the same for any number of threads. About as many gradients are in memory as there are
// threads. The error names the loss or gradient that is not finite. Cancelled: the pool was asked to stop before all
// parts were done. After an error the state is unchanged.
absl::StatusOr<TrainingStats> TrainingStep(const OptimizerSpec& spec, const std::vector<ParamInfo>& infos,
                                           int64_t total, const TrainingBatch& batch, TaskPool* pool,
                                           LearnerState* state);

}  // namespace metaprompt

#endif  // EXPERIMENTS_TRAINING_TRAINING_STEP_H_
