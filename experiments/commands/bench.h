// The `bench` command: how fast meta-training is, compared with what the machine can do.
#ifndef EXPERIMENTS_COMMANDS_BENCH_H_
#define EXPERIMENTS_COMMANDS_BENCH_H_

#include <functional>
#include <ostream>
#include <string>

#include "absl/status/status.h"
#include "experiments/experiment.pb.h"
#include "learners/learner.pb.h"

namespace metaprompt {

// Floating-point operations of all matrix products that LibTorch runs while `work` does, in any thread; 2 m n k each.
double CountProductFlops(const std::function<void()>& work);

// Makes step sizes tiny where they are not 0. Time and memory do not depend on them, and a spec's may not suit every
// learner that is timed.
void MakeStepsTiny(InnerSpec* inner);

// Prints, for each learner on the spec's data and model: episodes per second, the rate of the model's matrix products,
// its ratio to the SGEMM rate measured in the same run, and the share of time spent on drawing and packing episodes.
// Each figure is the median of `rounds`; SGEMM is measured before each round. With several numbers of shots, a row
// `all` joins them, weighted by their time. Only rows whose name contains `only` are measured (empty: all).
absl::Status Bench(const ExperimentSpec& spec, int rounds, const std::string& only, std::ostream* out);

}  // namespace metaprompt

#endif  // EXPERIMENTS_COMMANDS_BENCH_H_
