// Runs as a report reads them.
#ifndef EXPERIMENTS_REPORT_REPORTED_RUNS_H_
#define EXPERIMENTS_REPORT_REPORTED_RUNS_H_

#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "experiments/result.pb.h"

namespace metaprompt {

struct ReportedRun {
  std::string path;
  RunRecord record;
  std::optional<double> wall_seconds;  // of its environment.textproto: of the process that finished it
};

// Runs of one spec, data and encoder that differ in their seeds alone. In order of their seeds.
struct SeedGroup {
  std::string name;  // unique
  std::vector<ReportedRun> runs;
};

// The run directories' records. An error names the run.
absl::StatusOr<std::vector<ReportedRun>> ReadRuns(const std::vector<std::string>& paths);

}  // namespace metaprompt

#endif  // EXPERIMENTS_REPORT_REPORTED_RUNS_H_
