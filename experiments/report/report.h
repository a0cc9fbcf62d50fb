// Any runs joined into one table.
#ifndef EXPERIMENTS_REPORT_REPORT_H_
#define EXPERIMENTS_REPORT_REPORT_H_

#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "experiments/report/reported_runs.h"

namespace metaprompt {

// Shares in [0, 1].
struct Estimate {
  double mean = 0;        // over the seeds
  double half_width = 0;  // of its 95 % interval over episodes, the seeds as they are
  int seeds = 0;
  double seed_deviation = 0;  // standard deviation of the seeds' means; 0 for a single one
};

struct ReportColumn {
  std::string dataset;
  int ways = 0;
  int shots = 0;
};

struct ReportRow {
  std::string run;  // its group's name
  int seeds = 0;
  bool is_spread = false;  // not of one group but between them; `accuracies` are standard deviations
  std::string learner;
  std::string initialisation;
  std::string adapts;
  // Beside Report::columns.
  std::vector<std::optional<Estimate>> accuracies;
  std::vector<std::optional<Estimate>> differences;  // paired, over the baseline's, on the same episodes
  std::optional<double> wall_seconds;                // of a run, mean over the seeds
};

struct Report {
  std::vector<SeedGroup> groups;
  std::vector<ReportColumn> columns;
  std::vector<ReportRow> rows;
  std::string baseline;            // what the differences are over, in words
  std::vector<std::string> notes;  // what to know before comparing
};

// A row for each initialisation of each group; a column for each data set, ways and shots. `baseline` is a group's
// name, or a run directory, and stands for its last initialisation, or `NAME/INITIALISATION`; empty: each group's own
// first initialisation. Differences are paired by episode, where data, episode settings and seed or manifest are the
// same; with several seeds of one manifest the seeds' mean of each episode is. The notes say where runs of one data set
// differ in data, split, episodes or encoder.
absl::StatusOr<Report> JoinRuns(std::vector<ReportedRun> runs, const std::string& baseline);

// "huffpost 5-way 1-shot".
std::string ColumnTitle(const ReportColumn& column);

}  // namespace metaprompt

#endif  // EXPERIMENTS_REPORT_REPORT_H_
