#include "experiments/report/comparison_text.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "experiments/report/comparison.h"
#include "metaprompt/base/text.h"

namespace metaprompt {
namespace {

constexpr size_t kNameColumns = 34;
constexpr size_t kPlotColumns = 41;

// `text` in at most `columns` columns; the middle of a longer text is left out.
std::string Shortened(const std::string& text, size_t columns) {
  if (DisplayWidth(text) <= columns) {
    return text;
  }
  std::string head = text;
  while (DisplayWidth(head) > columns / 2 - 2 || !CheckUtf8(head).ok()) {
    head.pop_back();
  }
  std::string tail = text;
  while (DisplayWidth(head) + 3 + DisplayWidth(tail) > columns || !CheckUtf8(tail).ok()) {
    tail.erase(0, 1);
  }
  return absl::StrCat(head, "...", tail);
}

size_t Cell(const Axis& axis, double share) {
  return static_cast<size_t>(std::lround(axis.Position(share) * (kPlotColumns - 1)));
}

std::string PlotOf(const Comparison& chart, const ComparisonPoint& point) {
  std::vector<std::string> cells(kPlotColumns, " ");
  if (chart.shows_chance) {
    cells[Cell(chart.axis, chart.chance)] = ":";
  }
  if (chart.baseline.has_value()) {
    cells[Cell(chart.axis, *chart.baseline)] = "|";
  }
  const double low = point.accuracy.mean - point.accuracy.half_width;
  const double high = point.accuracy.mean + point.accuracy.half_width;
  const size_t first = Cell(chart.axis, low);
  const size_t last = Cell(chart.axis, high);
  std::fill(cells.begin() + static_cast<std::ptrdiff_t>(first), cells.begin() + static_cast<std::ptrdiff_t>(last) + 1,
            "-");
  if (low < chart.axis.low) {
    cells[first] = "<";
  }
  if (high > chart.axis.high) {
    cells[last] = ">";
  }
  constexpr const char* kMarks[] = {"o", "*", "x", "+"};
  cells[Cell(chart.axis, point.accuracy.mean)] = kMarks[static_cast<size_t>(MarkOf(point.initialisation))];
  std::string plot;
  for (const std::string& cell : cells) {
    plot += cell;
  }
  return plot.substr(0, plot.find_last_not_of(' ') + 1);
}

std::string AxisText(const Axis& axis) {
  std::string line(kPlotColumns, ' ');
  size_t end = 0;
  for (const double tick : axis.Ticks()) {
    const std::string label = absl::StrFormat("%.3g", 100 * tick);
    const size_t middle = Cell(axis, tick);
    const size_t at = std::min(middle - std::min(middle, label.size() / 2), kPlotColumns - label.size());
    if (at >= end) {
      line.replace(at, label.size(), label);
      end = at + label.size() + 2;
    }
  }
  return line.substr(0, line.find_last_not_of(' ') + 1);
}

}  // namespace

std::string ComparisonText(const Report& report) {
  std::string charts;
  bool chance = false;
  for (size_t c = 0; c < report.columns.size(); ++c) {
    const Comparison chart = ComparisonOf(report, c);
    chance = chance || chart.shows_chance;
    absl::StrAppend(&charts, "\n", OneLine(ColumnTitle(chart.column)), "\n");
    size_t width = 0;
    std::vector<std::string> names;
    for (const ComparisonPoint& point : chart.points) {
      names.push_back(Shortened(point.run, kNameColumns));
      width = std::max(width, DisplayWidth(names.back()));
    }
    for (size_t i = 0; i < names.size(); ++i) {
      absl::StrAppend(&charts, "  ", Padded(names[i], width, Align::kLeft), "  ", PlotOf(chart, chart.points[i]), "\n");
    }
    absl::StrAppend(&charts, std::string(width + 4, ' '), AxisText(chart.axis), "\n");
  }
  return absl::StrCat("mean accuracy in % and its 95 % interval\n",
                      "o random or pre-trained, x transferred, * meta-learned", chance ? ", : chance" : "", "\n",
                      report.baseline_row.has_value() ? absl::StrCat("| ", OneLine(report.baseline), "\n") : "",
                      charts);
}

}  // namespace metaprompt
