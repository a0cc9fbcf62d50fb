// What a classifier starts from: a finished run, or only a checkpoint.
#ifndef EXPERIMENTS_OWN_TEXTS_CLASSIFIER_START_H_
#define EXPERIMENTS_OWN_TEXTS_CLASSIFIER_START_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "experiments/own_texts/support_classes.h"
#include "experiments/result.pb.h"
#include "experiments/workbench/finished_run.h"
#include "metaprompt/model/params.h"

namespace metaprompt {

struct ClassifierStart {
  FinishedRun run;
  ParamList params;  // of run.infos()
  std::string name;  // in words: "the 5-shot initialisation of runs/mine"
};

// Of the run's numbers of shots, the one nearest to the mean number of examples per class; of two that are equally
// near, the larger.
int NearestShots(const RunRecord& record, const std::vector<SupportClass>& classes);

// Starts from the run's result for that number of shots; 0: NearestShots. `path` is the run's folder, for the name.
absl::StatusOr<ClassifierStart> StartOfRun(FinishedRun run, const std::string& path, int shots,
                                           const std::vector<SupportClass>& classes);

// Starts from the checkpoint in a Hugging Face folder, with the settings of FirstSpec. For a checkpoint without a
// masked-language-model head, the examples serve to measure the scale of the hidden states that class vectors are
// compared with. `names`: those of the texts of an example.
absl::StatusOr<ClassifierStart> StartOfCheckpoint(const std::string& folder, const std::vector<SupportClass>& classes,
                                                  const std::vector<std::string>& names);

}  // namespace metaprompt

#endif  // EXPERIMENTS_OWN_TEXTS_CLASSIFIER_START_H_
