#include "experiments/report/comparison.h"

#include <algorithm>

#include "metaprompt/base/text.h"

namespace metaprompt {
namespace {

Axis AxisOf(const std::vector<ComparisonPoint>& points, double chance) {
  if (points.empty()) {
    return Axis();
  }
  std::vector<double> widths;
  for (const ComparisonPoint& point : points) {
    widths.push_back(point.accuracy.half_width);
  }
  std::sort(widths.begin(), widths.end());
  const double longest = 3 * widths[widths.size() / 2];
  double low = 1;
  double high = 0;
  for (const ComparisonPoint& point : points) {
    const double half = std::min(point.accuracy.half_width, longest);
    low = std::min(low, point.accuracy.mean - half);
    high = std::max(high, point.accuracy.mean + half);
  }
  if (chance < low && low - chance <= high - low) {
    low = chance;
  }
  return AxisOver(low, high);
}

}  // namespace

Mark MarkOf(const std::string& initialisation) {
  return initialisation == "random" || initialisation == "pre-trained" ? Mark::kStart
         : initialisation == "meta-learned"                            ? Mark::kMetaLearned
         : initialisation == "transferred"                             ? Mark::kTransferred
                                                                       : Mark::kOther;
}

Comparison ComparisonOf(const Report& report, size_t column) {
  Comparison chart;
  chart.column = report.columns[column];
  for (const ReportRow& row : report.rows) {
    if (!row.is_spread && row.accuracies[column].has_value()) {
      chart.points.push_back(ComparisonPoint{OneLine(row.run), OneLine(row.initialisation), *row.accuracies[column]});
    }
  }
  chart.chance = 1.0 / std::max(1, chart.column.ways);
  chart.axis = AxisOf(chart.points, chart.chance);
  chart.shows_chance = chart.chance >= chart.axis.low && chart.chance <= chart.axis.high;
  if (report.baseline_row.has_value() && report.rows[*report.baseline_row].accuracies[column].has_value()) {
    chart.baseline = report.rows[*report.baseline_row].accuracies[column]->mean;
  }
  return chart;
}

}  // namespace metaprompt
