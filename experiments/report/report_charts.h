// Drawings of what runs left, as inline SVG: colours are the page's variables --c0, --c1, ..., text and axes its
// text's.
#ifndef EXPERIMENTS_REPORT_REPORT_CHARTS_H_
#define EXPERIMENTS_REPORT_REPORT_CHARTS_H_

#include <string>

#include "experiments/report/reported_runs.h"

namespace metaprompt {

// How many colours the charts use.
constexpr int kChartColours = 4;

// Accuracy over meta-steps, a line a seed: on validation episodes, with their 95 % intervals, and, dashed, on the query
// texts of meta-training. Empty where the group has no curve of so many shots.
std::string CurveChart(const SeedGroup& group, int shots);

// How many test episodes, of all seeds, had which accuracy: an outline and the mean for each initialisation. Empty
// where there is none.
std::string EpisodeChart(const SeedGroup& group, int shots);

// `text` as it stands in HTML, in a quoted attribute too.
std::string HtmlEscaped(const std::string& text);

}  // namespace metaprompt

#endif  // EXPERIMENTS_REPORT_REPORT_CHARTS_H_
