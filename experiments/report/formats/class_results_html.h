// The results of the test classes for an HTML page.
#ifndef EXPERIMENTS_REPORT_FORMATS_CLASS_RESULTS_HTML_H_
#define EXPERIMENTS_REPORT_FORMATS_CLASS_RESULTS_HTML_H_

#include <string>

#include "experiments/report/reported_runs.h"

namespace metaprompt {

// For each number of shots of a group, a section that can be unfolded: a table of the classes, with the group's
// pictures of them if it has any, and the confusion matrix, each in a box that scrolls by itself. Empty if the records
// have no counts of classes.
std::string ClassResultsHtml(const SeedGroup& group);

}  // namespace metaprompt

#endif  // EXPERIMENTS_REPORT_FORMATS_CLASS_RESULTS_HTML_H_
