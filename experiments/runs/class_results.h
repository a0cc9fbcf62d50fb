// The results of an evaluation for each class.
#ifndef EXPERIMENTS_RUNS_CLASS_RESULTS_H_
#define EXPERIMENTS_RUNS_CLASS_RESULTS_H_

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "datasets/dataset.h"
#include "experiments/confusion.h"
#include "experiments/result.pb.h"
#include "experiments/runs/evaluate.h"

namespace metaprompt {

// Counts over all episodes how often each class of the split was the answer for the query texts of each class. `lines`
// are those of EpisodeLines: for each episode its accuracy, a tab, and the way that was predicted for each query text,
// separated by blanks. Episode i is plan(i). It is an error if a line does not fit its plan.
absl::StatusOr<Confusion> ConfusionOf(const Dataset& dataset, Split split, absl::string_view lines, const PlanOf& plan);

// The same for the test classes, as the classes of `evaluation`.
absl::Status AddClassResults(const Dataset& dataset, absl::string_view lines, const PlanOf& plan,
                             Evaluation* evaluation);

}  // namespace metaprompt

#endif  // EXPERIMENTS_RUNS_CLASS_RESULTS_H_
