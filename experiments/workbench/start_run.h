// Another run's result as the start of this one's model, or of its prompt.
#ifndef EXPERIMENTS_WORKBENCH_START_RUN_H_
#define EXPERIMENTS_WORKBENCH_START_RUN_H_

#include <cstddef>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "experiments/result.pb.h"
#include "experiments/workbench/finished_run.h"
#include "metaprompt/model/params.h"
#include "metaprompt/prompt_model.h"

namespace metaprompt {

class StartRun {
 public:
  // What a run gives: model.init_from_run every parameter of the model, of which the run must have as many; and
  // model.prompt.init_from_run the prompt's, where a model whose soft vectors pass through nothing takes those that
  // enter the encoder in the run.
  enum Part { kModel, kPrompt };

  // Opens the run in `path` and reads its parameters for each of `shots`, each file once. Names and shapes must be
  // those of `model`; for all of the model the tokenizer must be the same, too. The error names the spec's field, the
  // run, and what differs. Memory: the parameters of that part, for each number of shots.
  static absl::StatusOr<StartRun> Open(Part part, const std::string& path, const PromptModel& model,
                                       const std::string& tokenizer_sha256, absl::Span<const int> shots);

  // Replaces the values in `params`, which are the model's, by those that the run has for that number of shots. They
  // share memory with what is kept here.
  void Give(int shots, ParamList* params) const;
  // Frees the parameters for that number of shots: Give will not be asked for them again.
  void Forget(int shots) { kept_.erase(shots); }

  // One for each of `shots`.
  const std::vector<StartFacts>& facts() const { return facts_; }

 private:
  StartRun(Part part, FinishedRun run) : part_(part), run_(std::make_unique<FinishedRun>(std::move(run))) {}

  Part part_;
  std::unique_ptr<FinishedRun> run_;
  std::vector<std::pair<size_t, size_t>> places_;  // of the model's parameters, and where they are in the run's
  bool through_ = false;                           // the run's soft vectors pass through something, the model's don't
  std::map<int, ParamList> kept_;                  // by shots, beside the run's parameters; undefined: not taken
  std::vector<StartFacts> facts_;
};

}  // namespace metaprompt

#endif  // EXPERIMENTS_WORKBENCH_START_RUN_H_
