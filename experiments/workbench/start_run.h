// The result of another run as the start of this run's model or prompt.
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
  // Which parameters are taken. kModel (model.init_from_run): every parameter of the model; the run must have exactly
  // these. kPrompt (model.prompt.init_from_run): those of the prompt. If only the run has a reparametrisation, the
  // model takes the soft vectors that enter the run's encoder.
  enum Part { kModel, kPrompt };

  // Opens the run in `path` and reads its parameters for each of `shots`, each file once. Names and shapes must be
  // those of `model`; for kModel, the tokenizer must be the same, too. The error names the spec's field, the run, and
  // the difference. Memory: the parameters of that part, for each number of shots.
  static absl::StatusOr<StartRun> Open(Part part, const std::string& path, const PromptModel& model,
                                       const std::string& tokenizer_sha256, absl::Span<const int> shots);

  // Replaces the values in `params`, the model's parameters, by the run's values for that number of shots. The new
  // values share memory with this object.
  void Give(int shots, ParamList* params) const;
  // Frees the parameters for that number of shots. Give must not be called for it again.
  void Forget(int shots) { kept_.erase(shots); }

  // One for each of `shots`.
  const std::vector<StartFacts>& facts() const { return facts_; }

 private:
  StartRun(Part part, FinishedRun run) : part_(part), run_(std::make_unique<FinishedRun>(std::move(run))) {}

  Part part_;
  std::unique_ptr<FinishedRun> run_;
  std::vector<std::pair<size_t, size_t>> places_;  // indices of the same parameters in the model and in the run
  bool through_ = false;                           // only the run has a reparametrisation of the soft vectors
  std::map<int, ParamList> kept_;  // by shots, in the order of the run's parameters; undefined: not taken
  std::vector<StartFacts> facts_;
};

}  // namespace metaprompt

#endif  // EXPERIMENTS_WORKBENCH_START_RUN_H_
