// Evaluates an initialisation: adapts to each episode's support set, and counts the right answers on its query set.
// Finished episodes are kept in the run directory, so that a stopped evaluation can continue.
#ifndef EXPERIMENTS_RUNS_EVALUATE_H_
#define EXPERIMENTS_RUNS_EVALUATE_H_

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "datasets/split.h"
#include "episodes/task_source.h"
#include "experiments/ranks/rank_tasks.h"
#include "experiments/runs/run_context.h"
#include "metaprompt/model/params.h"

namespace metaprompt {

// The episodes that are evaluated so far, in the format of their file: one line per episode, with its accuracy, a tab,
// and the way that was predicted for each query text.
struct EpisodeLines {
  std::string text;
  std::vector<double> accuracies;  // each in [0, 1]

  int64_t count() const { return static_cast<int64_t>(accuracies.size()); }
};

struct EvaluationWork {
  std::string what;   // for errors: "1-shot meta-test, random"
  std::string file;   // in the run directory
  std::string title;  // the first line of the file, which names the parameters; lines under another title are not used.
                      // Empty: there is no title
  Split kind = Split::kTest;  // which episodes these are, for other processes that evaluate a part of them
  int shots = 0;
  bool keep = true;  // whether the complete file must be there at the end; if not, a short evaluation writes no file
  int64_t episodes = 0;
  // How many episodes are distributed to the threads at a time. If a chunk has fewer tasks than there are threads,
  // several threads compute one task and round differently, so the numbers depend on the chunk size.
  int64_t chunk = 0;
};

// Evaluates episodes 0 ... work.episodes - 1 with `params`, the parameters of MetaInfos. If the learner takes several
// tasks, the spec's tasks_together tasks form one batch. Continues from the lines that an earlier process left in the
// file; the file is rewritten after each chunk and every few seconds. The lines do not depend on where an evaluation
// was interrupted, or on the number of processes that evaluate it. `show` is called with the finished episodes about
// twice per second. `before_file` is called before this process first writes the file. Errors: logits that are not
// finite, with the episode and the step at which they diverged; Cancelled if the context's stop is set.
absl::StatusOr<EpisodeLines> Evaluate(const RunContext& context, const ParamList& params, const TaskSource& split,
                                      const PlanOf& plan, const EvaluationWork& work,
                                      const std::function<void(const EpisodeLines&)>& show,
                                      const std::function<absl::Status()>& before_file = nullptr);

}  // namespace metaprompt

#endif  // EXPERIMENTS_RUNS_EVALUATE_H_
