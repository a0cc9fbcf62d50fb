// Evaluating episodes with all processes of a run.
#ifndef EXPERIMENTS_RANKS_SHARED_EVALUATION_H_
#define EXPERIMENTS_RANKS_SHARED_EVALUATION_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "datasets/split.h"
#include "experiments/ranks/crew.h"
#include "experiments/ranks/rank_tasks.h"
#include "learners/inner/task_pool.h"
#include "metaprompt/model/params.h"

namespace metaprompt {

// Episodes first, ..., end - 1, which are evaluated as one batch.
struct EpisodeGroup {
  int64_t first = 0;
  int64_t end = 0;
};

// Pointers are not null, except `crew` (no other processes), and must stay valid.
struct SharedEvaluation {
  const EpisodeTester* tester = nullptr;
  const ParamList* params = nullptr;
  TaskPool* pool = nullptr;
  Crew* crew = nullptr;
  Split split = Split::kTest;
  int shots = 0;
  std::string what;  // for errors
  // Whether each group runs on one thread. If not, each runs with all threads of a process, and there must be fewer
  // groups than threads.
  bool one_thread = true;
  std::vector<EpisodeGroup> groups;
};

// Evaluates the groups. The next group goes to the next free thread of this process or to the next free process, which
// takes as many as it has threads. Calls store(g, results) for each, from several threads, and `meanwhile` about twice
// per second. The error is the first one of a group. If the pool is asked to stop, groups are left out without an
// error.
absl::Status EvaluateGroups(const SharedEvaluation& work,
                            const std::function<void(size_t g, std::vector<EpisodeResult> results)>& store,
                            const std::function<void()>& meanwhile);

}  // namespace metaprompt

#endif  // EXPERIMENTS_RANKS_SHARED_EVALUATION_H_
