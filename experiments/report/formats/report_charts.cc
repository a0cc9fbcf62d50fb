#include "experiments/report/formats/report_charts.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "experiments/report/comparison.h"
#include "metaprompt/base/html_text.h"

namespace metaprompt {
namespace {

// In units of the drawing, which the page scales to the available width.
constexpr double kWidth = 300;
constexpr double kHeight = 185;
constexpr double kLeft = 42;
constexpr double kRight = 18;  // room for half of the last label
constexpr double kTop = 10;
constexpr double kBottom = 38;
constexpr int kBins = 20;

// A figure: axes, the lines in it, and above it a title and a key of the lines.
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

  void XLabel(double x, const std::string& label) { Text(X(x), kHeight - kBottom + 16, "middle", label); }
  void YLabel(double y, const std::string& label) {
    absl::StrAppendFormat(&body_, "<path class=\"grid\" d=\"M%.1f %.1fH%.1f\"/>", kLeft, Y(y), kWidth - kRight);
    Text(kLeft - 6, Y(y) + 4, "end", label);
  }
  void XTitle(const std::string& title) { Text((kLeft + kWidth - kRight) / 2, kHeight - 5, "middle", title); }

  // Adds a line with the `style`-th pattern of dashes and colour. The key has its name, if that is not empty.
  void Line(const std::vector<std::pair<double, double>>& points, int style, const std::string& name) {
    constexpr std::array<const char*, kChartColours> kDashes = {
        " stroke-dasharray=\"5 3\"", "", " stroke-dasharray=\"1.5 2.5\"", " stroke-dasharray=\"8 3 2 3\""};
    const std::string stroke = absl::StrFormat("fill=\"none\" stroke=\"var(--c%d)\" stroke-width=\"1.8\"%s", style,
                                               kDashes[static_cast<size_t>(style)]);
    std::string path;
    for (const auto& [x, y] : points) {
      absl::StrAppendFormat(&path, "%s%.1f %.1f", path.empty() ? "M" : "L", X(x), Y(y));
    }
    absl::StrAppendFormat(&body_, "<path d=\"%s\" %s/>", path, stroke);
    if (points.size() == 1) {  // a path of a single point would be invisible
      absl::StrAppendFormat(&body_, "<circle cx=\"%.1f\" cy=\"%.1f\" r=\"3\" fill=\"var(--c%d)\"/>", X(points[0].first),
                            Y(points[0].second), style);
    }
    if (!name.empty()) {
      absl::StrAppendFormat(&key_,
                            " <span class=\"key\"><svg aria-hidden=\"true\" width=\"24\" height=\"8\"><path d=\"M0 "
                            "4h24\" %s/></svg> %s</span>",
                            stroke, HtmlEscaped(name));
    }
  }

  // Adds the area between y - by and y + by, for points {x, y, by}.
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

  // `title` names the figure, `caption` explains how to read it, and `description` gives its contents in numbers.
  std::string Figure(const std::string& title, const std::string& caption, const std::string& description) const {
    return absl::StrFormat(
        "<figure><figcaption><b>%s</b>: %s.%s</figcaption>"
        "<svg class=\"chart\" viewBox=\"0 0 %.0f %.0f\" role=\"img\"><title>%s</title><desc>%s</desc>"
        "<path class=\"axes\" d=\"M%.1f %.1fV%.1fH%.1f\"/>%s</svg></figure>\n",
        HtmlEscaped(title), HtmlEscaped(caption), key_, kWidth, kHeight, HtmlEscaped(title), HtmlEscaped(description),
        kLeft, kTop, kHeight - kBottom, kWidth - kRight, body_);
  }

 private:
  void Text(double x, double y, const char* anchor, const std::string& text) {
    absl::StrAppendFormat(&body_, "<text x=\"%.1f\" y=\"%.1f\" text-anchor=\"%s\">%s</text>", x, y, anchor,
                          HtmlEscaped(text));
  }

  double x_low_, x_high_, y_low_, y_high_;
  std::string body_;
  std::string key_;
};

const ShotResult* ResultOf(const ReportedRun& run, int shots) {
  for (const ShotResult& result : run.record.results()) {
    if (result.shots() == shots) {
      return &result;
    }
  }
  return nullptr;
}

std::string Percent(double share) { return absl::StrFormat("%.3g %%", 100 * share); }

}  // namespace

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
  if (low > high || last == 0) {  // nothing was validated, or nothing was trained
    return "";
  }
  const Axis axis = AxisOver(low, high);
  Chart chart(0, last, axis.low, axis.high);
  for (const double tick : axis.Ticks()) {
    chart.YLabel(tick, Percent(tick));
  }
  for (const double share : {0.0, 0.5, 1.0}) {
    chart.XLabel(share * last, absl::StrFormat("%.0f", share * last));
  }
  chart.XTitle("meta-step");
  bool first = true;
  std::vector<std::string> ends;
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
    chart.Line(valid, 1, first ? "validation" : "");
    if (!train.empty()) {
      chart.Line(train, 0, first ? "training queries" : "");
    }
    first = false;
    ends.push_back(absl::StrCat(Percent(valid.back().second), " at meta-step ", valid.back().first));
  }
  return chart.Figure(
      absl::StrCat(shots, "-shot training"),
      group.runs.size() > 1 ? "accuracy, a line per seed, bands: 95 % interval" : "accuracy, band: 95 % interval",
      absl::StrCat("last validation: ", absl::StrJoin(ends, ", ")));
}

std::string EpisodeChart(const SeedGroup& group, int shots) {
  struct Outline {
    std::string initialisation;
    std::array<double, kBins> share = {};  // share of the episodes per bin
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
  highest = std::ceil(highest * 10) / 10;
  // The left half of the axis is left out if nothing is in it.
  const int first_bin = std::any_of(outlines.begin(), outlines.end(),
                                    [](const Outline& one) {
                                      return std::any_of(one.share.begin(), one.share.begin() + kBins / 2,
                                                         [](double share) { return share > 0; });
                                    })
                            ? 0
                            : kBins / 2;
  const double low = static_cast<double>(first_bin) / kBins;
  Chart chart(low, 1, 0, highest);
  for (int i = 0; i <= 5; ++i) {
    chart.XLabel(low + (1 - low) * i / 5, Percent(low + (1 - low) * i / 5));
  }
  for (int i = 0; i <= 2; ++i) {
    chart.YLabel(highest * i / 2, Percent(highest * i / 2));
  }
  chart.XTitle("accuracy of an episode");
  std::vector<std::string> means;
  for (const Outline& one : outlines) {
    const int style = static_cast<int>(MarkOf(one.initialisation));
    std::vector<std::pair<double, double>> points = {{low, 0}};
    for (int bin = first_bin; bin < kBins; ++bin) {
      const double share = one.share[static_cast<size_t>(bin)];
      points.emplace_back(static_cast<double>(bin) / kBins, share);
      points.emplace_back(static_cast<double>(bin + 1) / kBins, share);
    }
    points.emplace_back(1, 0);
    chart.Line(points, style, one.initialisation);
    chart.Vertical(one.sum / one.episodes, style);
    means.push_back(absl::StrCat(one.initialisation, " ", Percent(one.sum / one.episodes)));
  }
  return chart.Figure(absl::StrCat(shots, "-shot test episodes"), "share of them by accuracy, vertical lines: means",
                      absl::StrCat("mean: ", absl::StrJoin(means, ", ")));
}

}  // namespace metaprompt
