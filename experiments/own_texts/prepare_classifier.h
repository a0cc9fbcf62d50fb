// The classifier that the options of `metaprompt classify` ask for: adapted now, or saved before.
#ifndef EXPERIMENTS_OWN_TEXTS_PREPARE_CLASSIFIER_H_
#define EXPERIMENTS_OWN_TEXTS_PREPARE_CLASSIFIER_H_

#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "experiments/host/progress.h"
#include "experiments/own_texts/classifier.h"
#include "experiments/own_texts/classifier_start.h"
#include "experiments/own_texts/classify_options.h"
#include "experiments/own_texts/support_classes.h"
#include "learners/inner/task_pool.h"

namespace metaprompt {

struct PreparedClassifier {
  std::unique_ptr<ClassifierStart> start;  // the classifier points to its run
  std::vector<SupportClass> classes;
  std::unique_ptr<Classifier> classifier;
  // What the file of the examples called the columns of an example's texts; none: it had no such names.
  std::vector<std::string> text_columns;
};

// Checks that the options fit together, opens the files that they name, adapts, calibrates and saves. Progress lines
// show what was adapted, how many examples it labels correctly, and whether its probabilities are calibrated. `pool`
// must outlive the result.
absl::StatusOr<PreparedClassifier> PrepareClassifier(const ClassifyOptions& options, TaskPool* pool,
                                                     Progress* progress);

}  // namespace metaprompt

#endif  // EXPERIMENTS_OWN_TEXTS_PREPARE_CLASSIFIER_H_
