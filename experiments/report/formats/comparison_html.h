// Charts that compare runs, for an HTML page.
#ifndef EXPERIMENTS_REPORT_FORMATS_COMPARISON_HTML_H_
#define EXPERIMENTS_REPORT_FORMATS_COMPARISON_HTML_H_

#include <string>
#include <vector>

#include "experiments/report/comparison.h"

namespace metaprompt {

// A figure with a list. Each point has its names, an SVG of its mean and interval, and the numbers as text. Positions
// are percentages of the plot's width, so that a plot of any width has lines and labels of the same size. The page's
// style (report_style.h) aligns the plots below each other.
std::string ComparisonHtml(const Comparison& chart);

// A legend for the marks and lines of the charts. `baseline`: the name of the dotted line.
std::string ComparisonKey(const std::vector<Comparison>& charts, const std::string& baseline);

}  // namespace metaprompt

#endif  // EXPERIMENTS_REPORT_FORMATS_COMPARISON_HTML_H_
