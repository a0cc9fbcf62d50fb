// Evaluation of an initialisation: adapt to each episode's support set, count what it gets right on the query set. It
// goes on in parts: what is done is kept in the run directory.
#ifndef EXPERIMENTS_RUNS_EVALUATE_H_
#define EXPERIMENTS_RUNS_EVALUATE_H_

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "episodes/sampler.h"
#include "episodes/task_source.h"
#include "experiments/runs/run_context.h"
#include "metaprompt/model/params.h"

namespace metaprompt {

// The episodes that are evaluated so far, as they stand in their file: one line per episode, with its accuracy, a tab
// and the way predicted for each query text.
struct EpisodeLines {
  std::string text;
  std::vector<double> accuracies;  // each in [0, 1]

  int64_t count() const { return static_cast<int64_t>(accuracies.size()); }
};

// Which texts make episode i: from EpisodeSampler::Plan or a manifest.
using PlanOf = std::function<EpisodePlan(int64_t)>;

struct EvaluationWork {
  std::string what;   // for errors: "1-shot meta-test, random"
  std::string file;   // in the run directory
  std::string title;  // the first line of the file; lines under another are of other parameters. Empty: there is none
  bool keep = true;   // whether the whole file is wanted in the end; if not, a short evaluation writes none
  int64_t episodes = 0;
  // So many episodes are shared out among the threads at a time. Where a chunk has fewer tasks than there are threads,
  // several threads compute a task, and round differently: the numbers depend on it.
  int64_t chunk = 0;
};

// Evaluates episodes 0 ... work.episodes - 1 with the parameters `params`, which are of MetaInfos; tasks_together of
// the spec go through the model as one batch where the learner takes several. Continues from what an earlier process
// left in the file, which is written anew after each chunk and every few seconds; the lines do not depend on where it
// was interrupted. `show` is called with what is done, about twice per second. `before_file` is called before the file
// is first written in this process. Errors: logits that are not finite, with the episode and since when; Cancelled if
// the context's stop is set.
absl::StatusOr<EpisodeLines> Evaluate(const RunContext& context, const ParamList& params, const TaskSource& split,
                                      const PlanOf& plan, const EvaluationWork& work,
                                      const std::function<void(const EpisodeLines&)>& show,
                                      const std::function<absl::Status()>& before_file = nullptr);

}  // namespace metaprompt

#endif  // EXPERIMENTS_RUNS_EVALUATE_H_
