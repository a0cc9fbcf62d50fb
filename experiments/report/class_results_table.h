// The results for each test class, as text.
#ifndef EXPERIMENTS_REPORT_CLASS_RESULTS_TABLE_H_
#define EXPERIMENTS_REPORT_CLASS_RESULTS_TABLE_H_

#include <string>

#include "experiments/report/report.h"
#include "experiments/result.pb.h"

namespace metaprompt {

// For each number of shots, the classes of the record's last initialisation: a table of the classes and the confusion
// matrix. Empty if the record has no results of classes, like records of earlier versions.
std::string ClassResultsText(const RunRecord& record);

// The same for each group of a report. The counts of a group's seeds are added up if they have the same classes; seeds
// with other classes are left out, and the text names them.
std::string ClassResultsOfGroups(const Report& report);

}  // namespace metaprompt

#endif  // EXPERIMENTS_REPORT_CLASS_RESULTS_TABLE_H_
