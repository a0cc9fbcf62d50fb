// Charts of one run as figures of an HTML page: inline SVG with a caption. Lines have the colours of the page's
// variables --c0, --c1, ...; text and axes have the colour of the page's text.
#ifndef EXPERIMENTS_REPORT_FORMATS_REPORT_CHARTS_H_
#define EXPERIMENTS_REPORT_FORMATS_REPORT_CHARTS_H_

#include <string>

#include "experiments/report/reported_runs.h"

namespace metaprompt {

// How many colours the charts use: one per kind of initialisation (experiments/report/comparison.h), each with its own
// dashes.
constexpr int kChartColours = 4;

// Accuracy over meta-steps with one line per seed: on validation episodes with their 95 % intervals, and, dashed, on
// the query texts of meta-training. Empty if the group has no curve for that number of shots or trained no meta-step.
std::string CurveChart(const SeedGroup& group, int shots);

// A histogram of the accuracies of the test episodes of all seeds: an outline and the mean for each initialisation.
// Empty if there are no test episodes.
std::string EpisodeChart(const SeedGroup& group, int shots);

}  // namespace metaprompt

#endif  // EXPERIMENTS_REPORT_FORMATS_REPORT_CHARTS_H_
