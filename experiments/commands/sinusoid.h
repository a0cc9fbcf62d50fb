// The sinusoid benchmark of Finn et al. 2017, section 5.1: meta-trains a small network, then measures how well a few
// gradient steps on a few points fit it to new sinusoids.
#ifndef EXPERIMENTS_COMMANDS_SINUSOID_H_
#define EXPERIMENTS_COMMANDS_SINUSOID_H_

#include <atomic>
#include <cstdint>
#include <ostream>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "experiments/commands/sinusoid_model.h"
#include "experiments/host/progress.h"
#include "learners/learner.pb.h"
#include "metaprompt/model/params.h"

namespace metaprompt {

struct SinusoidOptions {
  std::string learner = "maml";  // or meta_sgd, reptile
  int64_t shots = 10;            // support points, in training and at test
  int64_t queries = 0;           // query points in training; 0: as many as support points
  int64_t meta_steps = 60000;
  int64_t meta_batch = 25;  // tasks per meta-step, computed as one batch
  double inner_lr = 0.01;
  double meta_lr = 0;   // at the start; 0: 0.001 (AdamW), or 1 for Reptile (SGD); it falls to 0 linearly
  int inner_steps = 0;  // in training; 0: 1 step, or 10 for Reptile
  uint64_t seed = 0;
  int threads = 1;  // per operation; the operations are so small that threads help little
  int64_t test_tasks = 600;
  int64_t test_queries = 100;                // query points per test task
  std::vector<int> test_steps = {0, 1, 10};  // the numbers of inner steps after which to test
  std::string curve;  // file for the training curve, in about 60 lines: meta-step, error before and after inner steps
  std::string dump;   // file for meta-gradients, for comparison with other programs; if set, nothing is trained
};

// The learner of the options, with its inner steps and its meta-optimizer. An unknown name is an error.
absl::StatusOr<LearnerSpec> SinusoidLearner(const SinusoidOptions& options);

// The mean squared error of each task on its query points, after `steps` inner steps from `params`.
std::vector<double> SinusoidErrors(LearnerSpec learner, int steps, const SinusoidModel& model, const ParamList& params,
                                   const Episode& episode);

// The initialisation after options.meta_steps: the model's parameters, then the learner's own. Writes the curve, if the
// options name a file. If `stop` becomes true, the error is Cancelled; such a training cannot be continued.
absl::StatusOr<ParamList> TrainSinusoid(const SinusoidOptions& options, const LearnerSpec& spec,
                                        const SinusoidModel& model, Progress* progress, const std::atomic<bool>& stop);

// Meta-trains and prints the test errors, or dumps meta-gradients.
absl::Status RunSinusoid(const SinusoidOptions& options, Progress* progress, std::ostream* out,
                         const std::atomic<bool>& stop);

}  // namespace metaprompt

#endif  // EXPERIMENTS_COMMANDS_SINUSOID_H_
