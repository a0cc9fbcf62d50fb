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

// The floating-point operations of all matrix products that LibTorch computes during `work`, in any thread: 2 m n k per
// product.
double CountProductFlops(const std::function<void()>& work);

// Makes all step sizes that are not 0 tiny. Time and memory do not depend on step sizes, and those of the spec might
// make some of the timed learners diverge.
void MakeStepsTiny(InnerSpec* inner);

// Prints, for each learner on the spec's data and model: episodes per second, the rate of the model's matrix products,
// its ratio to the SGEMM rate measured in the same run, and the share of time spent on drawing and packing episodes.
// Each figure is the median over `rounds` rounds; SGEMM is measured before each round. With several numbers of shots, a
// row `all` joins them, weighted by their time. Only rows whose name contains `only` are measured (empty: all).
absl::Status Bench(const ExperimentSpec& spec, int rounds, const std::string& only, std::ostream* out);

}  // namespace metaprompt

#endif  // EXPERIMENTS_COMMANDS_BENCH_H_
