// Measures how much memory exact meta-gradients take, with few and with many inner steps.
#ifndef EXPERIMENTS_COMMANDS_BENCH_MEMORY_H_
#define EXPERIMENTS_COMMANDS_BENCH_MEMORY_H_

#include <ostream>

#include "absl/status/status.h"
#include "experiments/experiment.pb.h"

namespace metaprompt {

// Prints the peak resident memory of second-order MAML on the spec's data and model, with the graph recomputed and with
// the graph kept, for one inner step and for ten (or the spec's own number, if it is larger). Each is measured over two
// meta-steps of one task, in a separate process. Call it before this process starts threads.
absl::Status BenchMemory(const ExperimentSpec& spec, std::ostream* out);

}  // namespace metaprompt

#endif  // EXPERIMENTS_COMMANDS_BENCH_MEMORY_H_
