// The runs that a report is made of.
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
  std::optional<double> wall_seconds;  // of the process that finished it, from environment.textproto
};

// Runs with the same spec, data and encoder that differ only in their seeds, in the order of the seeds.
struct SeedGroup {
  std::string name;  // unique
  std::vector<ReportedRun> runs;
};

// Reads the records in the run directories `paths`. Errors name the directory.
absl::StatusOr<std::vector<ReportedRun>> ReadRuns(const std::vector<std::string>& paths);

}  // namespace metaprompt

#endif  // EXPERIMENTS_REPORT_REPORTED_RUNS_H_
