// The counts of the test classes, per number of shots.
#ifndef EXPERIMENTS_REPORT_SHOT_CLASSES_H_
#define EXPERIMENTS_REPORT_SHOT_CLASSES_H_

#include <string>
#include <vector>

#include "experiments/confusion.h"
#include "experiments/report/reported_runs.h"
#include "experiments/result.pb.h"

namespace metaprompt {

struct ShotClasses {
  int shots = 0;
  std::string initialisation;
  Confusion confusion;
  std::vector<std::string> left_out;  // runs with other classes
};

// Of the record's last initialisation, for each number of shots. A number of shots is left out if the record has no
// counts for it (records of earlier versions have none), or if the counts do not fit the classes.
std::vector<ShotClasses> ClassesOf(const RunRecord& record);

// The counts of a group's seeds, added up if they have the same classes.
std::vector<ShotClasses> ClassesOf(const SeedGroup& group);

// Describes the counts in words, and names the runs that are left out.
std::string TitleOf(const ShotClasses& one);

}  // namespace metaprompt

#endif  // EXPERIMENTS_REPORT_SHOT_CLASSES_H_
