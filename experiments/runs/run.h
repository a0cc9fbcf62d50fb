// An experiment from spec to record.
#ifndef EXPERIMENTS_RUNS_RUN_H_
#define EXPERIMENTS_RUNS_RUN_H_

#include <atomic>
#include <string>

#include "absl/status/statusor.h"
#include "experiments/experiment.pb.h"
#include "experiments/host/progress.h"
#include "experiments/result.pb.h"

namespace metaprompt {

// Meta-trains for each number of shots, meta-tests with and without meta-learning on the same episodes, and leaves a
// run directory at `out`:
//   record.textproto       what was found; the same spec and data give the same bytes
//   environment.textproto  when, how long, on what
//   spec.textproto         the spec with every default
//   tokenizer.model        or encoder/, a checkpoint's configuration and tokenizer
//   test-Kshot-*.tsv       a line an episode: accuracy, predictions
//   best-Kshot.safetensors, checkpoint-Kshot.safetensors
//   curve.tsv              the validation curve
// A run that was stopped or killed goes on where its last checkpoint was. Cancelled if `stop` was set.
absl::StatusOr<RunRecord> RunExperiment(const ExperimentSpec& spec, const std::string& out, Progress* progress,
                                        const std::atomic<bool>& stop);

// Threads that a spec's setting means here: those that it says, or one for each core that the process may use.
int ThreadsOf(const ExperimentSpec& spec);

}  // namespace metaprompt

#endif  // EXPERIMENTS_RUNS_RUN_H_
