// Saves an adapted classifier to a folder, and opens it again.
#ifndef EXPERIMENTS_OWN_TEXTS_SAVED_CLASSIFIER_H_
#define EXPERIMENTS_OWN_TEXTS_SAVED_CLASSIFIER_H_

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "experiments/own_texts/classifier.h"
#include "experiments/own_texts/saved_classifier.pb.h"
#include "experiments/own_texts/support_classes.h"
#include "experiments/workbench/finished_run.h"
#include "learners/learner.h"
#include "metaprompt/base/new_folder.h"

namespace metaprompt {

// Writes classifier.textproto, adapted.safetensors, the tokenizer, config.json and SHA256SUMS (checksums.h) to the
// folder, and commits it. The caller sets `start` and `calibrated` of `about`; this function sets its other fields.
absl::Status SaveClassifier(NewFolder made, const FinishedRun& run, const Classifier& classifier,
                            const std::vector<SupportClass>& classes, SavedClassifier about);

struct OpenedClassifier {
  SavedClassifier about;
  FinishedRun run;
  AdaptedParams adapted;
  std::vector<SupportClass> classes;  // without texts
};

// Reads such a folder; nothing else is needed. Each file's checksum is compared with the one in SHA256SUMS; folders of
// earlier versions have no SHA256SUMS. Errors name the file and the field: a spec that breaks its rules or does not fit
// into memory; fewer than two classes; a label or name that is empty or has a control character; a label that occurs
// twice; a temperature outside the range of BestTemperature; tensors whose shapes do not follow from the spec and the
// number of classes.
absl::StatusOr<OpenedClassifier> OpenClassifier(const std::string& folder);

}  // namespace metaprompt

#endif  // EXPERIMENTS_OWN_TEXTS_SAVED_CLASSIFIER_H_
