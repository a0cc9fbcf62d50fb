#include "experiments/report/report_charts.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_replace.h"
#include "experiments/report/report_table.h"
#include "metaprompt/base/text.h"

namespace metaprompt {
namespace {

constexpr double kWidth = 420;
constexpr double kHeight = 220;
constexpr double kLeft = 44;
constexpr double kRight = 12;
constexpr double kTop = 26;
constexpr double kBottom = 34;
constexpr int kBins = 20;

// A plane with axes, and lines in it.
class Chart {
 public:
  Chart(double x_low, double x_high, double y_low, double y_high)
      : x_low_(x_low),
        x_high_(std::max(x_high, x_low + 1e-9)),
        y_low_(y_low),
        y_high_(std::max(y_high, y_low + 1e-9)) {}

  double X(double x) const { return kLeft + (kWidth - kLeft - kRight) * (x - x_low_) / (x_high_ - x_low_); }
  double Y(double y) const {
    return kHeight - kBottom - (kHeight - kTop - kBottom) * (y - y_low_) / (y_high_ - y_low_);
  }

  void XLabel(double x, const std::string& label) { Text(X(x), kHeight - kBottom + 14, "middle", label); }
  void YLabel(double y, const std::string& label) {
    absl::StrAppendFormat(&body_, "<path class=\"grid\" d=\"M%.1f %.1fH%.1f\"/>", kLeft, Y(y), kWidth - kRight);
    Text(kLeft - 6, Y(y) + 4, "end", label);
  }
  void XTitle(const std::string& title) { Text((kLeft + kWidth - kRight) / 2, kHeight - 4, "middle", title); }

  // A line. The legend has its name, unless that is empty, in the order of the calls.
  void Line(const std::vector<std::pair<double, double>>& points, int colour, bool dashed, const std::string& name) {
    std::string path;
    for (const auto& [x, y] : points) {
      absl::StrAppendFormat(&path, "%s%.1f %.1f", path.empty() ? "M" : "L", X(x), Y(y));
    }
    const std::string dashes = dashed ? " stroke-dasharray=\"4 3\"" : "";
    absl::StrAppendFormat(&body_, "<path d=\"%s\" fill=\"none\" stroke=\"var(--c%d)\" stroke-width=\"1.6\"%s/>", path,
                          colour, dashes);
    if (points.size() == 1) {  // a path of a single point would be invisible
      absl::StrAppendFormat(&body_, "<circle cx=\"%.1f\" cy=\"%.1f\" r=\"2.5\" fill=\"var(--c%d)\"/>",
                            X(points[0].first), Y(points[0].second), colour);
    }
    if (!name.empty()) {
      absl::StrAppendFormat(&body_, "<path d=\"M%.1f 12h18\" stroke=\"var(--c%d)\" stroke-width=\"2\"%s/>", legend_,
                            colour, dashes);
      Text(legend_ + 22, 16, "start", name);
      legend_ += 40 + 6.2 * static_cast<double>(DisplayWidth(name));
    }
  }

  // The area between y - by and y + by, for points {x, y, by}.
  void Band(const std::vector<std::array<double, 3>>& points, int colour) {
    std::string path;
    for (const auto& [x, y, by] : points) {
      absl::StrAppendFormat(&path, "%s%.1f %.1f", path.empty() ? "M" : "L", X(x), Y(std::min(y + by, y_high_)));
    }
    for (auto point = points.rbegin(); point != points.rend(); ++point) {
      absl::StrAppendFormat(&path, "L%.1f %.1f", X((*point)[0]), Y(std::max((*point)[1] - (*point)[2], y_low_)));
    }
    absl::StrAppendFormat(&body_, "<path d=\"%sZ\" fill=\"var(--c%d)\" opacity=\"0.15\"/>", path, colour);
  }

  void Vertical(double x, int colour) {
    absl::StrAppendFormat(&body_, "<path d=\"M%.1f %.1fV%.1f\" stroke=\"var(--c%d)\" stroke-dasharray=\"2 2\"/>", X(x),
                          kTop, kHeight - kBottom, colour);
  }

  std::string Svg(const std::string& name) const {
    return absl::StrFormat(
        "<svg viewBox=\"0 0 %.0f %.0f\" role=\"img\" aria-label=\"%s\"><path class=\"axes\" d=\"M%.1f "
        "%.1fV%.1fH%.1f\"/>"
        "%s</svg>",
        kWidth, kHeight, HtmlEscaped(name), kLeft, kTop, kHeight - kBottom, kWidth - kRight, body_);
  }

 private:
  void Text(double x, double y, const char* anchor, const std::string& text) {
    absl::StrAppendFormat(&body_, "<text x=\"%.1f\" y=\"%.1f\" text-anchor=\"%s\">%s</text>", x, y, anchor,
                          HtmlEscaped(text));
  }

  double x_low_, x_high_, y_low_, y_high_;
  double legend_ = kLeft;
  std::string body_;
};

const ShotResult* ResultOf(const ReportedRun& run, int shots) {
  for (const ShotResult& result : run.record.results()) {
    if (result.shots() == shots) {
      return &result;
    }
  }
  return nullptr;
}

std::string Percent(double share) { return absl::StrFormat("%.0f %%", 100 * share); }

}  // namespace

std::string HtmlEscaped(const std::string& text) {
  return absl::StrReplaceAll(OneLine(text),
                             {{"&", "&amp;"}, {"<", "&lt;"}, {">", "&gt;"}, {"\"", "&quot;"}, {"'", "&#39;"}});
}

std::string CurveChart(const SeedGroup& group, int shots) {
  double last = 0;
  double low = 1;
  double high = 0;
  for (const ReportedRun& run : group.runs) {
    const ShotResult* result = ResultOf(run, shots);
    for (int i = 0; result != nullptr && i < result->curve_size(); ++i) {
      const CurvePoint& point = result->curve(i);
      last = std::max(last, static_cast<double>(point.meta_step()));
      low = std::min(low, point.valid_accuracy() - point.valid_half_width());
      high = std::max(high, point.valid_accuracy() + point.valid_half_width());
      if (point.has_query_accuracy()) {
        low = std::min(low, point.query_accuracy());
        high = std::max(high, point.query_accuracy());
      }
    }
  }
  if (low > high) {
    return "";
  }
  // The axis ends at whole tenths.
  low = std::max(0.0, std::floor(low * 10) / 10);
  high = std::min(1.0, std::ceil(high * 10) / 10);
  Chart chart(0, last, low, high);
  for (int i = 0; i <= 4; ++i) {
    chart.YLabel(low + (high - low) * i / 4, absl::StrFormat("%.3g %%", 100 * (low + (high - low) * i / 4)));
  }
  chart.XLabel(0, "0");
  if (last > 0) {
    chart.XLabel(last, absl::StrFormat("%.0f", last));
  }
  chart.XTitle("meta-step");
  bool first = true;
  for (const ReportedRun& run : group.runs) {
    const ShotResult* result = ResultOf(run, shots);
    if (result == nullptr || result->curve_size() == 0) {
      continue;
    }
    std::vector<std::array<double, 3>> band;
    std::vector<std::pair<double, double>> valid;
    std::vector<std::pair<double, double>> train;
    for (const CurvePoint& point : result->curve()) {
      const auto step = static_cast<double>(point.meta_step());
      valid.emplace_back(step, point.valid_accuracy());
      band.push_back({step, point.valid_accuracy(), point.valid_half_width()});
      if (point.has_query_accuracy()) {
        train.emplace_back(step, point.query_accuracy());
      }
    }
    chart.Band(band, 1);
    chart.Line(valid, 1, false, first ? "validation" : "");
    if (!train.empty()) {
      chart.Line(train, 0, true, first ? "training queries" : "");
    }
    first = false;
  }
  return chart.Svg(absl::StrCat("training curve, ", shots, "-shot"));
}

std::string EpisodeChart(const SeedGroup& group, int shots) {
  struct Outline {
    std::string initialisation;
    std::array<double, kBins> share = {};  // of the episodes
    double sum = 0;
    double episodes = 0;
  };
  std::vector<Outline> outlines;
  for (const ReportedRun& run : group.runs) {
    const ShotResult* result = ResultOf(run, shots);
    for (int t = 0; result != nullptr && t < result->tests_size(); ++t) {
      const Evaluation& test = result->tests(t);
      auto found = std::find_if(outlines.begin(), outlines.end(),
                                [&](const Outline& one) { return one.initialisation == test.initialisation(); });
      if (found == outlines.end()) {
        outlines.push_back(Outline{test.initialisation()});
        found = outlines.end() - 1;
      }
      for (const float accuracy : test.accuracies()) {
        // The slack puts the float 0.35 into the bin that begins at 35 %. The last bin has 100 %, too.
        const int bin = std::min(kBins - 1, static_cast<int>(accuracy * kBins + 1e-5));
        found->share[static_cast<size_t>(bin)] += 1;
        found->sum += static_cast<double>(accuracy);
        found->episodes += 1;
      }
    }
  }
  double highest = 0;
  for (Outline& one : outlines) {
    for (double& share : one.share) {
      share /= std::max(1.0, one.episodes);
      highest = std::max(highest, share);
    }
  }
  if (highest == 0) {
    return "";
  }
  highest = std::ceil(highest * 20) / 20;
  Chart chart(0, 1, 0, highest);
  for (int i = 0; i <= 4; ++i) {
    chart.XLabel(0.25 * i, Percent(0.25 * i));
  }
  chart.YLabel(0, "0 %");
  chart.YLabel(highest, Percent(highest));
  chart.XTitle("accuracy of an episode; share of the episodes");
  for (size_t k = 0; k < outlines.size(); ++k) {
    const Outline& one = outlines[k];
    const int colour = static_cast<int>(k) % kChartColours;
    std::vector<std::pair<double, double>> points = {{0, 0}};
    for (int bin = 0; bin < kBins; ++bin) {
      const double share = one.share[static_cast<size_t>(bin)];
      points.emplace_back(static_cast<double>(bin) / kBins, share);
      points.emplace_back(static_cast<double>(bin + 1) / kBins, share);
    }
    points.emplace_back(1, 0);
    chart.Line(points, colour, false, one.initialisation);
    chart.Vertical(one.sum / one.episodes, colour);
  }
  return chart.Svg(absl::StrCat("accuracies of the test episodes, ", shots, "-shot"));
}

}  // namespace metaprompt
