// The runs that a report is made of.
#ifndef EXPERIMENTS_REPORT_REPORTED_RUNS_H_
#define EXPERIMENTS_REPORT_REPORTED_RUNS_H_

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "datasets/image_shape.h"
#include "experiments/result.pb.h"

namespace metaprompt {

struct ReportedRun {
  std::string path;
  RunRecord record;
  std::optional<double> wall_seconds;  // of the process that finished it, from environment.textproto
};

// Example images of test classes, in the form in which a page shows them.
struct ClassPictures {
  ImageShape shape;
  std::map<std::string, std::vector<std::string>> of_class;  // bytes of images, by label
};

// Runs with the same spec, data and encoder that differ only in their seeds, in the order of the seeds.
struct SeedGroup {
  std::string name;  // unique
  std::vector<ReportedRun> runs;
  std::optional<ClassPictures> pictures = {};  // set by AddPictures (formats/class_pictures.h)
};

// Reads the records in the run directories `paths`. Errors name the directory.
absl::StatusOr<std::vector<ReportedRun>> ReadRuns(const std::vector<std::string>& paths);

}  // namespace metaprompt

#endif  // EXPERIMENTS_REPORT_REPORTED_RUNS_H_
