#include "experiments/bindings/calls.h"

#include <ostream>
#include <utility>

#include "experiments/host/blas.h"
#include "experiments/host/environment.h"
#include "experiments/host/progress.h"
#include "experiments/host/threads.h"
#include "experiments/result.pb.h"
#include "experiments/runs/run.h"
#include "experiments/spec.h"
#include "experiments/workbench/read_record.h"
#include "metaprompt/base/status_macros.h"

namespace metaprompt {

absl::StatusOr<ExperimentSpec> SpecOfBytes(const std::string& bytes) {
  ExperimentSpec spec;
  if (!spec.ParseFromString(bytes)) {
    return absl::InvalidArgumentError("spec: these bytes are not an ExperimentSpec");
  }
  return CompleteSpec(std::move(spec), "spec");
}

absl::StatusOr<std::string> LoadSpecBytes(const std::string& path, const std::vector<std::string>& sets) {
  ASSIGN_OR_RETURN(const ExperimentSpec spec, LoadSpec(path, sets));
  return spec.SerializeAsString();
}

absl::StatusOr<std::string> RunBytes(const ExperimentSpec& spec, const std::string& out, LineSink::Show show,
                                     const std::atomic<bool>& stop) {
  LineSink sink(std::move(show));
  std::ostream stream(&sink);
  Progress progress(&stream, /*terminal=*/true);
  ASSIGN_OR_RETURN(const RunRecord record, RunExperiment(spec, out, &progress, stop));
  return record.SerializeAsString();
}

absl::StatusOr<std::string> ReadRecordBytes(const std::string& run) {
  ASSIGN_OR_RETURN(const RunRecord record, ReadRecord(run));
  return record.SerializeAsString();
}

std::string EnvironmentBytes(int threads) { return HostEnvironment(ThreadsOr(threads)).SerializeAsString(); }

void RunAgainWithBestKernel(std::vector<std::string> arguments) {
  std::vector<char*> argv;
  argv.reserve(arguments.size() + 1);
  for (std::string& argument : arguments) {
    argv.push_back(argument.data());
  }
  argv.push_back(nullptr);
  UseBestBlasKernel(argv.data());
}

}  // namespace metaprompt
