// The contents of a chart that compares runs: the accuracies in one column of a report, and an axis.
#ifndef EXPERIMENTS_REPORT_COMPARISON_H_
#define EXPERIMENTS_REPORT_COMPARISON_H_

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "experiments/report/axis.h"
#include "experiments/report/report.h"

namespace metaprompt {

struct ComparisonPoint {
  std::string run;
  std::string initialisation;
  Estimate accuracy;
};

struct Comparison {
  ReportColumn column;
  std::vector<ComparisonPoint> points;  // in the order of the report's rows
  Axis axis;
  double chance = 0;               // 1 / ways
  bool shows_chance = false;       // whether chance is on the axis
  std::optional<double> baseline;  // the mean of the report's baseline
};

// The chart of one of `report.columns`, with the rows that have results there. The axis covers every mean with its
// interval, except the parts of an interval that are further from its mean than three times the median half width.
// These are cut, so that a run with few episodes does not squeeze all others. Chance is on the axis if including it at
// most doubles the axis.
Comparison ComparisonOf(const Report& report, size_t column);

// How an initialisation is drawn.
enum class Mark { kStart, kMetaLearned, kTransferred, kOther };
Mark MarkOf(const std::string& initialisation);

}  // namespace metaprompt

#endif  // EXPERIMENTS_REPORT_COMPARISON_H_
