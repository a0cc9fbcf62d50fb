// The sinusoid benchmark of Finn et al. 2017, section 5.1: meta-train a small network, then measure how well it fits
// sinusoids that it never saw after a few gradient steps on a few points.
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
  int64_t meta_batch = 25;  // tasks of a meta-step; they run as one batch
  double inner_lr = 0.01;
  double meta_lr = 0;   // 0: 0.001 (AdamW), and 1 of Reptile (SGD); it falls to 0 linearly
  int inner_steps = 0;  // in training; 0: 1, and 10 of Reptile
  uint64_t seed = 0;
  int threads = 1;  // inside operations; so small ones gain little
  int64_t test_tasks = 600;
  int64_t test_queries = 100;                // query points of a test task
  std::vector<int> test_steps = {0, 1, 10};  // numbers of inner steps to test after
  std::string curve;  // file for a line at 60 points of training: meta-step, error before and after the inner steps
  std::string dump;   // file for meta-gradients that other programs can be compared with; nothing is trained
};

// How the options' learner learns, and how its initialisation follows.
absl::StatusOr<LearnerSpec> SinusoidLearner(const SinusoidOptions& options);

// Mean squared error of each of the episode's tasks on its query points, `steps` inner steps from `params`.
std::vector<double> SinusoidErrors(LearnerSpec learner, int steps, const SinusoidModel& model, const ParamList& params,
                                   const Episode& episode);

// The initialisation after options.meta_steps, with the learner's own parameters behind the model's. Writes the curve.
// The error of a stop is Cancelled; nothing is kept to go on from.
absl::StatusOr<ParamList> TrainSinusoid(const SinusoidOptions& options, const LearnerSpec& spec,
                                        const SinusoidModel& model, Progress* progress, const std::atomic<bool>& stop);

// Meta-trains and prints the test errors, or dumps meta-gradients.
absl::Status RunSinusoid(const SinusoidOptions& options, Progress* progress, std::ostream* out,
                         const std::atomic<bool>& stop);

}  // namespace metaprompt

#endif  // EXPERIMENTS_COMMANDS_SINUSOID_H_
