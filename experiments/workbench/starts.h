// The values that a run's parameters start from.
#ifndef EXPERIMENTS_WORKBENCH_STARTS_H_
#define EXPERIMENTS_WORKBENCH_STARTS_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "experiments/experiment.pb.h"
#include "experiments/result.pb.h"
#include "experiments/workbench/model_assembly.h"
#include "experiments/workbench/start_run.h"
#include "metaprompt/model/params.h"
#include "metaprompt/prompt_model.h"

namespace metaprompt {

// A function of spec, checkpoint, training texts and, where the spec names one, another run's result. From first to
// last: the checkpoint's values, random ones, or all of another run's (model.init_from_run; of an encoder's folder, its
// encoder's values in place of the checkpoint's); then the prompt's from words (model.prompt.init_words) or another run
// (model.prompt.init_from_run); then the scale of what answer words read (init_standardised, standardised_read).
class Starts {
 public:
  // The texts over which that scale is measured; the same each time.
  using TextsToRead = std::function<absl::StatusOr<std::vector<LocalBatch>>()>;

  // Takes the checkpoint's parameters out of `model`, which must outlive the result. Reads the runs that the spec
  // names; errors name the spec's field. `tokenizer_sha256`: ModelFacts.
  static absl::StatusOr<Starts> Open(const ExperimentSpec& spec, AssembledModel* model,
                                     const std::string& tokenizer_sha256, TextsToRead texts);

  // The model's initial parameters for that number of shots, on the CPU. They share memory with what is kept for the
  // next call: they must not be changed in place.
  absl::StatusOr<ParamList> Params(int shots);
  // Params will not be asked for that number of shots again: frees what no other needs.
  void Forget(int shots);

  // What a model with these parameters is called in the record: "transferred" from another run, "pre-trained" from a
  // checkpoint, else "random".
  const char* name() const;
  // Of the runs that parameters are from.
  std::vector<StartFacts> facts() const;

 private:
  Starts(const ExperimentSpec& spec, const AssembledModel* model, TextsToRead texts);

  void StartPrompt(int shots, ParamList* params) const;
  // Whether the scale of what answer words read is to be measured.
  bool Standardises() const;
  absl::StatusOr<ParamList> Standardised(ParamList params);

  ExperimentSpec spec_;
  const PromptModel* model_;
  TextsToRead texts_;
  ParamList checkpoint_;                                     // the encoder's; empty where it is random or a run's
  std::optional<StartRun> model_start_;                      // model.init_from_run, where it is a run
  std::optional<StartFacts> encoder_start_;                  // the same, where it is an encoder: checkpoint_ is its
  std::optional<StartRun> prompt_start_;                     // model.prompt.init_from_run
  std::vector<std::vector<int64_t>> init_words_;             // see InitWordIds
  std::vector<std::pair<size_t, at::Tensor>> standardised_;  // the parameters that a pass over texts has set
  std::set<int> wanted_;                                     // numbers of shots that may be asked for
};

}  // namespace metaprompt

#endif  // EXPERIMENTS_WORKBENCH_STARTS_H_
