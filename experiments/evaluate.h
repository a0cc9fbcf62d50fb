// Meta-test: adapt to each episode's support set, count what it gets right on the query set.
#ifndef EXPERIMENTS_EVALUATE_H_
#define EXPERIMENTS_EVALUATE_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/types/span.h"
#include "episodes/prompted_split.h"
#include "episodes/sampler.h"
#include "experiments/result.pb.h"
#include "learners/learner.h"
#include "learners/task_pool.h"
#include "metaprompt/model.h"
#include "metaprompt/params.h"

namespace metaprompt {

struct MeanInterval {
  double mean = 0;
  double half_width = 0;  // 1.96 s / √n; 0 for a single value
};

// The mean and its 95 % interval, normal approximation.
MeanInterval Interval(absl::Span<const double> values);

struct EpisodeResult {
  double accuracy = 0;               // in [0, 1]
  std::vector<int64_t> predictions;  // the way predicted for each query text
};

// How many tasks of `together` may go through the model as one batch at meta-test: mini-batches are each task's own.
int64_t TogetherAtTest(const LearnerSpec& spec, int64_t together);

// Episodes first ... first + count - 1, `together` of them as one batch where the learner takes several. One result an
// episode, in order. `params`: of MetaInfos.
std::vector<EpisodeResult> EvaluateEpisodes(const Learner& learner, const Model& model, const ParamList& params,
                                            const PromptedSplit& split, const EpisodeSampler& sampler, int64_t first,
                                            int64_t count, int64_t together, TaskPool* pool);

}  // namespace metaprompt

#endif  // EXPERIMENTS_EVALUATE_H_
