// Meta-test: adapt to each episode's support set, count what it gets right on the query set.
#ifndef EXPERIMENTS_RUNS_EVALUATE_H_
#define EXPERIMENTS_RUNS_EVALUATE_H_

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "episodes/prompted_split.h"
#include "episodes/sampler.h"
#include "learners/inner/task_pool.h"
#include "learners/learner.h"
#include "metaprompt/model/model.h"
#include "metaprompt/model/params.h"

namespace metaprompt {

struct EpisodeResult {
  double accuracy = 0;               // in [0, 1]
  std::vector<int64_t> predictions;  // way predicted for each query text
};

// How many tasks go through the model as one batch at meta-test: `together`, or 1 if each task has its own
// mini-batches.
int64_t TogetherAtTest(const LearnerSpec& spec, int64_t together);

// Which texts make episode i: from EpisodeSampler::Plan or a manifest.
using PlanOf = std::function<EpisodePlan(int64_t)>;

// Adapts to episodes first ... first + count - 1 and classifies their query texts, `together` episodes as one batch
// where the learner takes several. One result per episode, in order. `params`: of MetaInfos.
std::vector<EpisodeResult> EvaluateEpisodes(const Learner& learner, const Model& model, const ParamList& params,
                                            const PromptedSplit& split, const PlanOf& plan, int64_t first,
                                            int64_t count, int64_t together, TaskPool* pool);

}  // namespace metaprompt

#endif  // EXPERIMENTS_RUNS_EVALUATE_H_
