// An adapted classifier in a folder, ready to label.
#ifndef EXPERIMENTS_OWN_TEXTS_SAVED_CLASSIFIER_H_
#define EXPERIMENTS_OWN_TEXTS_SAVED_CLASSIFIER_H_

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "experiments/own_texts/classifier.h"
#include "experiments/own_texts/saved_classifier.pb.h"
#include "experiments/own_texts/support_file.h"
#include "experiments/workbench/finished_run.h"
#include "learners/learner.h"

namespace metaprompt {

// Writes classifier.textproto, adapted.safetensors and the tokenizer with config.json to `folder`, which must be empty
// or not exist. `about` has start and calibrated; the rest of it is filled in.
absl::Status SaveClassifier(const std::string& folder, const FinishedRun& run, const Classifier& classifier,
                            const std::vector<SupportClass>& classes, SavedClassifier about);

struct OpenedClassifier {
  SavedClassifier about;
  FinishedRun run;
  AdaptedParams adapted;
  std::vector<SupportClass> classes;  // without texts
};

// Reads such a folder; nothing else is needed. Errors name the file.
absl::StatusOr<OpenedClassifier> OpenClassifier(const std::string& folder);

}  // namespace metaprompt

#endif  // EXPERIMENTS_OWN_TEXTS_SAVED_CLASSIFIER_H_
