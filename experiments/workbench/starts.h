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

// The values depend only on the spec, the checkpoint, the training texts and, if the spec names some, other runs'
// results. They are set in this order: first the checkpoint's values, random values, or all values of another run
// (model.init_from_run; if that is an encoder's folder, its values replace the checkpoint's); then the prompt's, from
// words (model.prompt.init_words) or from another run (model.prompt.init_from_run); last the scale of the hidden states
// that answer words are compared with (init_standardised, standardised_read).
class Starts {
 public:
  // Returns the texts over which that scale is measured, the same ones on each call.
  using TextsToRead = std::function<absl::StatusOr<std::vector<LocalBatch>>()>;

  // Moves the checkpoint's parameters out of `model`, which must outlive the result. Reads the runs that the spec
  // names; errors name the spec's field. `tokenizer_sha256`: that of ModelFacts.
  static absl::StatusOr<Starts> Open(const ExperimentSpec& spec, AssembledModel* model,
                                     const std::string& tokenizer_sha256, TextsToRead texts);

  // The model's initial parameters for that number of shots, on the CPU. They share memory with what is kept for the
  // next call: they must not be changed in place.
  absl::StatusOr<ParamList> Params(int shots);
  // Frees what only that number of shots needs. Params must not be called for it again.
  void Forget(int shots);

  // The name of this initialisation in the record: "transferred" from another run, "pre-trained" from a checkpoint,
  // otherwise "random".
  const char* name() const;
  // One per run, number of shots and field that parameters come from.
  std::vector<StartFacts> facts() const;

 private:
  Starts(const ExperimentSpec& spec, const AssembledModel* model, TextsToRead texts);

  void StartPrompt(int shots, ParamList* params) const;
  // Whether the scale of what answer words are compared with is to be measured.
  bool Standardises() const;
  absl::StatusOr<ParamList> Standardised(ParamList params);

  ExperimentSpec spec_;
  const PromptModel* model_;
  TextsToRead texts_;
  ParamList checkpoint_;                          // the encoder's; empty if it is random or from a run
  std::optional<StartRun> model_start_;           // model.init_from_run, if it is a run
  std::optional<StartFacts> encoder_start_;       // the same, if it is an encoder, whose values checkpoint_ has
  std::optional<StartRun> prompt_start_;          // model.prompt.init_from_run
  std::vector<std::vector<int64_t>> init_words_;  // see InitWordIds
  std::vector<std::pair<size_t, at::Tensor>> standardised_;  // index and value of what a pass over texts has set
  std::set<int> wanted_;                                     // numbers of shots that may be asked for
};

}  // namespace metaprompt

#endif  // EXPERIMENTS_WORKBENCH_STARTS_H_
