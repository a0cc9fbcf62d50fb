#include "experiments/report/formats/comparison_html.h"

#include <algorithm>
#include <cstddef>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "experiments/report/percent.h"
#include "metaprompt/base/html_text.h"

namespace metaprompt {
namespace {

std::string PercentOf(const Axis& axis, double share) { return absl::StrFormat("%.2f%%", 100 * axis.Position(share)); }

// A path around a point of the plot, `x` in percent of its width, halfway up.
std::string At(const std::string& x, const std::string& path) {
  return absl::StrCat("<svg x=\"", x, "\" y=\"50%\"><path d=\"", path, "\"/></svg>");
}

// Marks differ in shape and not only in colour.
std::string MarkAt(const std::string& x, Mark mark) {
  switch (mark) {
    case Mark::kStart:
      return At(x, "M-4.5 0a4.5 4.5 0 1 0 9 0a4.5 4.5 0 1 0 -9 0zM-2.5 0a2.5 2.5 0 1 1 5 0a2.5 2.5 0 1 1 -5 0z");
    case Mark::kMetaLearned:
      return At(x, "M-4.5 0a4.5 4.5 0 1 0 9 0a4.5 4.5 0 1 0 -9 0z");
    case Mark::kTransferred:
      return At(x, "M-5.5 0L0 -5.5L5.5 0L0 5.5z");
    case Mark::kOther:
      break;
  }
  return At(x, "M-4 -4H4V4H-4z");
}

const char* ClassOf(Mark mark) {
  constexpr const char* kClasses[] = {"start", "learned", "moved", "other"};
  return kClasses[static_cast<size_t>(mark)];
}

std::string Upright(const std::string& x, const char* of_class) {
  return absl::StrCat("<line class=\"", of_class, "\" x1=\"", x, "\" x2=\"", x, "\" y1=\"0\" y2=\"100%\"/>");
}

// The lines behind the points: the grid of the axis, chance, the baseline.
std::string Background(const Comparison& chart) {
  std::string svg;
  for (const double tick : chart.axis.Ticks()) {
    absl::StrAppend(&svg, Upright(PercentOf(chart.axis, tick), "grid"));
  }
  if (chart.shows_chance) {
    absl::StrAppend(&svg, Upright(PercentOf(chart.axis, chart.chance), "chance"));
  }
  if (chart.baseline.has_value()) {
    absl::StrAppend(&svg, Upright(PercentOf(chart.axis, *chart.baseline), "baseline"));
  }
  return svg;
}

// The line of an interval, with a bar at an end on the axis and an arrowhead at one beyond it.
std::string IntervalOf(const Axis& axis, const Estimate& accuracy) {
  const double low = accuracy.mean - accuracy.half_width;
  const double high = accuracy.mean + accuracy.half_width;
  const std::string left = PercentOf(axis, low);
  const std::string right = PercentOf(axis, high);
  return absl::StrCat("<line class=\"interval\" x1=\"", left, "\" x2=\"", right, "\" y1=\"50%\" y2=\"50%\"/>",
                      At(left, low < axis.low ? "M0 0l7 -4v8z" : "M-.75 -4h1.5v8h-1.5z"),
                      At(right, high > axis.high ? "M0 0l-7 -4v8z" : "M-.75 -4h1.5v8h-1.5z"));
}

std::string AxisHtml(const Axis& axis) {
  std::string labels;
  for (const double tick : axis.Ticks()) {
    const double at = axis.Position(tick);
    absl::StrAppend(&labels, "<text x=\"", PercentOf(axis, tick), "\" y=\"1em\" text-anchor=\"",
                    at < 0.04   ? "start"
                    : at > 0.96 ? "end"
                                : "middle",
                    "\">", absl::StrFormat("%.3g", 100 * tick), "</text>");
  }
  return absl::StrCat("<li class=\"ends\" aria-hidden=\"true\"><span class=\"plot\"><svg>", labels,
                      "</svg></span></li>\n");
}

}  // namespace

std::string ComparisonHtml(const Comparison& chart) {
  std::string html = absl::StrCat("<figure class=\"compare\"><figcaption><b>", chart.column.shots,
                                  "-shot</b>: mean accuracy and its 95 % interval in %, chance is ",
                                  absl::StrFormat("%.3g", 100 * chart.chance), "</figcaption>\n<ul>\n");
  const std::string background = Background(chart);
  for (const ComparisonPoint& point : chart.points) {
    const Mark mark = MarkOf(point.initialisation);
    const std::string run = HtmlEscaped(point.run);
    const std::string initialisation = HtmlEscaped(point.initialisation);
    const std::string number = PercentInterval(point.accuracy.mean, point.accuracy.half_width, /*with_sign=*/false);
    absl::StrAppend(&html, "<li><span class=\"name\">", HtmlBreakable(point.run), " <i>", initialisation,
                    "</i></span><span class=\"plot\"><svg role=\"img\"><title>", run, ", ", initialisation, ": ",
                    number, " %</title>", background, "<g class=\"", ClassOf(mark), "\">",
                    IntervalOf(chart.axis, point.accuracy), MarkAt(PercentOf(chart.axis, point.accuracy.mean), mark),
                    "</g></svg></span><span class=\"value\">", number, "</span></li>\n");
  }
  return absl::StrCat(html, AxisHtml(chart.axis), "</ul></figure>\n");
}

std::string ComparisonKey(const std::vector<Comparison>& charts, const std::string& baseline) {
  const auto key = [](const std::string& drawing, const std::string& name) {
    return absl::StrCat("<span class=\"key\"><svg aria-hidden=\"true\" width=\"14\" height=\"12\">", drawing, "</svg> ",
                        name, "</span> ");
  };
  const auto mark = [&](Mark one, const char* name) {
    for (const Comparison& chart : charts) {
      for (const ComparisonPoint& point : chart.points) {
        if (MarkOf(point.initialisation) == one) {
          return key(absl::StrCat("<g class=\"", ClassOf(one), "\">", MarkAt("50%", one), "</g>"), name);
        }
      }
    }
    return std::string();
  };
  const auto any = [&](const auto& has) { return std::any_of(charts.begin(), charts.end(), has); };
  const bool chance = any([](const Comparison& one) { return one.shows_chance; });
  const bool has_baseline = any([](const Comparison& one) { return one.baseline.has_value(); });
  return absl::StrCat("<p class=\"keys\">", mark(Mark::kStart, "random or pre-trained"),
                      mark(Mark::kTransferred, "transferred"), mark(Mark::kMetaLearned, "meta-learned"),
                      chance ? key(Upright("50%", "chance"), "chance") : "",
                      has_baseline ? key(Upright("50%", "baseline"), HtmlEscaped(baseline)) : "", "</p>\n");
}

}  // namespace metaprompt
