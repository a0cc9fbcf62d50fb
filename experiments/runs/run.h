// Runs an experiment: from a spec to a record.
#ifndef EXPERIMENTS_RUNS_RUN_H_
#define EXPERIMENTS_RUNS_RUN_H_

#include <atomic>
#include <string>

#include "absl/status/statusor.h"
#include "experiments/experiment.pb.h"
#include "experiments/host/progress.h"
#include "experiments/ranks/place.h"
#include "experiments/result.pb.h"
#include "experiments/watching/run_events.h"

namespace metaprompt {

// Meta-trains for each number of shots, meta-tests with and without meta-learning on the same episodes, and leaves a
// run directory at `out`:
//   record.textproto       the results; the same spec, data and threads give the same bytes
//   environment.textproto  when, how long, on what machine
//   spec.textproto         the spec with every default
//   tokenizer.model        or encoder/, a checkpoint's configuration and tokenizer
//   test-Kshot-*.tsv       a line per episode: accuracy, predictions
//   best-Kshot.safetensors, checkpoint-Kshot.safetensors
//   curve.tsv              the validation curve
//   tensorboard/           if `events` asks for it: event files (run_events.h)
//   SHA256SUMS             the checksums of these files, as `sha256sum -c` reads them
// A run that was stopped or killed continues from its last checkpoint. If the run is complete, with the same spec, its
// record is returned and nothing is done. A run that fails before its first checkpoint leaves no files. The error is
// Cancelled if `stop` was set. It is an error to continue a run where numbers would round differently (with another
// BLAS kernel or another LibTorch), unless `allow_other_environment` is set. Events change no other file.
//
// `place`: rank 0 of the run's processes (place.h), the only one that calls this function; the others call ServeRun.
// The bytes do not depend on their number. If one of them is lost, the run saves as after a stop, and the error names
// it.
absl::StatusOr<RunRecord> RunExperiment(const ExperimentSpec& spec, const std::string& out, Progress* progress,
                                        const std::atomic<bool>& stop, bool allow_other_environment = false,
                                        const EventsOption& events = {}, const Place& place = Place());

}  // namespace metaprompt

#endif  // EXPERIMENTS_RUNS_RUN_H_
