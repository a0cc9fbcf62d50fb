#include "experiments/report/comparison.h"

#include <algorithm>
#include <cmath>

#include "experiments/report/report_table.h"

namespace metaprompt {
namespace {

ComparisonAxis AxisOf(const std::vector<ComparisonPoint>& points, double chance) {
  if (points.empty()) {
    return ComparisonAxis();
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
  low = std::max(0.0, low);
  high = std::min(1.0, high);
  ComparisonAxis axis;
  for (const double step : {0.1, 0.05, 0.02, 0.01, 0.005}) {
    if ((high - low) / step > 5 + 1e-6) {
      break;
    }
    axis.step = step;
  }
  // The slack keeps an end that is a multiple of the step, whatever its last bits.
  axis.low = std::max(0.0, std::floor(low / axis.step + 1e-6) * axis.step);
  axis.high = std::min(1.0, std::ceil(high / axis.step - 1e-6) * axis.step);
  if (axis.high - axis.low < axis.step / 2) {  // all are the same number
    axis.low = std::max(0.0, axis.low - axis.step);
    axis.high = std::min(1.0, axis.high + axis.step);
  }
  return axis;
}

}  // namespace

double ComparisonAxis::Position(double share) const { return std::clamp((share - low) / (high - low), 0.0, 1.0); }

std::vector<double> ComparisonAxis::Ticks() const {
  std::vector<double> ticks;
  for (auto i = static_cast<int>(std::ceil(low / step - 1e-6)); i * step <= high + 1e-6 * step; ++i) {
    ticks.push_back(i * step);
  }
  return ticks;
}

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
