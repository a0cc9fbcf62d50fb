// What a chart that compares runs shows: the accuracies of one column of a report, on an axis.
#ifndef EXPERIMENTS_REPORT_COMPARISON_H_
#define EXPERIMENTS_REPORT_COMPARISON_H_

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "experiments/report/report.h"

namespace metaprompt {

// An axis of accuracies, as shares in [0, 1]. Its ends are multiples of `step`, apart from 0 and 1.
struct ComparisonAxis {
  double low = 0;
  double high = 1;
  double step = 0.2;

  // Where a share stands: 0 at the lower end, 1 at the upper end, and the nearer end if it is not on the axis.
  double Position(double share) const;
  // The multiples of `step`, from `low` to `high`.
  std::vector<double> Ticks() const;
};

struct ComparisonPoint {
  std::string run;
  std::string initialisation;
  Estimate accuracy;
};

struct Comparison {
  ReportColumn column;
  std::vector<ComparisonPoint> points;  // in the order of the report's rows
  ComparisonAxis axis;
  double chance = 0;               // 1 / ways
  bool shows_chance = false;       // it is on the axis
  std::optional<double> baseline;  // the mean of the report's baseline
};

// The chart of one of `report.columns`, with the rows that have results there. The axis holds every mean with its
// interval, apart from the parts of an interval that are further from its mean than three times the median half width;
// these are cut, so that a run with few episodes does not squeeze all others. Chance is on the axis if it takes at most
// half of it.
Comparison ComparisonOf(const Report& report, size_t column);

// How an initialisation is drawn.
enum class Mark { kStart, kMetaLearned, kTransferred, kOther };
Mark MarkOf(const std::string& initialisation);

}  // namespace metaprompt

#endif  // EXPERIMENTS_REPORT_COMPARISON_H_
