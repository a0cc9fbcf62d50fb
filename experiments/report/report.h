// Several runs in one table.
#ifndef EXPERIMENTS_REPORT_REPORT_H_
#define EXPERIMENTS_REPORT_REPORT_H_

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "experiments/report/reported_runs.h"

namespace metaprompt {

// Shares in [0, 1].
struct Estimate {
  double mean = 0;        // over the seeds
  double half_width = 0;  // of the 95 % interval over episodes, with the seeds fixed
  int seeds = 0;
  double seed_deviation = 0;  // standard deviation of the seeds' means; 0 if there is only one seed
};

struct ReportColumn {
  std::string dataset;
  int ways = 0;
  int shots = 0;
};

struct ReportRow {
  std::string run;  // the name of its group
  int seeds = 0;
  bool is_spread = false;  // the row compares groups: `accuracies` are standard deviations between them
  std::string learner;
  std::string initialisation;
  std::string adapts;
  // One for each of Report::columns.
  std::vector<std::optional<Estimate>> accuracies;
  std::vector<std::optional<Estimate>> differences;  // from the baseline, paired by episode
  std::optional<double> wall_seconds;                // per run: mean over the seeds
};

struct Report {
  std::vector<SeedGroup> groups;
  std::vector<ReportColumn> columns;
  std::vector<ReportRow> rows;
  std::string baseline;                // in words: what the differences are measured against
  std::optional<size_t> baseline_row;  // index into `rows`; unset if each group has its own
  std::vector<std::string> notes;      // why some numbers should not be compared
};

// One row per initialisation of each group; one column per combination of data set, ways and shots. `baseline` is
// `NAME/INITIALISATION`, or a name alone for its last initialisation; the name is that of a group or of a run
// directory. If it is empty, each group's first initialisation is the group's baseline. Differences are paired by
// episode. This is possible with the same data, the same episode settings, and the same seed or manifest; if several
// seeds share a manifest, their mean is paired. Notes name the runs on one data set that differ in data, split,
// episodes or encoder.
absl::StatusOr<Report> JoinRuns(std::vector<ReportedRun> runs, const std::string& baseline);

// "huffpost 5-way 1-shot".
std::string ColumnTitle(const ReportColumn& column);

}  // namespace metaprompt

#endif  // EXPERIMENTS_REPORT_REPORT_H_
