// The functions that other languages call. Specs go in and records come out as serialised messages, so that a caller
// may use a different version of protobuf than this library.
#ifndef EXPERIMENTS_BINDINGS_CALLS_H_
#define EXPERIMENTS_BINDINGS_CALLS_H_

#include <atomic>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "experiments/bindings/line_sink.h"
#include "experiments/experiment.pb.h"

namespace metaprompt {

// Parses the message, checks it and fills in every default. Errors begin with `spec: `.
absl::StatusOr<ExperimentSpec> SpecOfBytes(const std::string& bytes);

// LoadSpec of a file and `FIELD=VALUE` texts. Returns a serialised ExperimentSpec.
absl::StatusOr<std::string> LoadSpecBytes(const std::string& path, const std::vector<std::string>& sets);

// RunExperiment. Returns a serialised RunRecord. `show` gets each line of progress. Cancelled if `stop` was set.
absl::StatusOr<std::string> RunBytes(const ExperimentSpec& spec, const std::string& out, LineSink::Show show,
                                     const std::atomic<bool>& stop);

// ReadRecord of a run directory. Returns a serialised RunRecord.
absl::StatusOr<std::string> ReadRecordBytes(const std::string& run);

// HostEnvironment. Returns a serialised Environment.
std::string EnvironmentBytes(int threads);

// UseBestBlasKernel: runs the program again, with these arguments, if another kernel is better.
void RunAgainWithBestKernel(std::vector<std::string> arguments);

}  // namespace metaprompt

#endif  // EXPERIMENTS_BINDINGS_CALLS_H_
