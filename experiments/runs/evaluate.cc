#include "experiments/runs/evaluate.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

#include <algorithm>
#include <utility>

namespace metaprompt {

int64_t TogetherAtTest(const LearnerSpec& spec, int64_t together) {
  return spec.meta_test().epochs() > 0 ? 1 : together;
}

std::vector<EpisodeResult> EvaluateEpisodes(const Learner& learner, const Model& model, const ParamList& params,
                                            const TextSource& split, const PlanOf& plan, int64_t first, int64_t count,
                                            int64_t together, TaskPool* pool) {
  std::vector<EpisodeResult> results(static_cast<size_t>(count));
  const std::vector<ParamInfo> infos = MetaInfos(model, learner);
  together = learner.TakesSeveralTasks(model) ? together : 1;
  pool->Run((count + together - 1) / together, [&](int64_t g) {
    std::vector<EpisodePlan> plans;
    for (int64_t i = g * together; i < std::min(count, (g + 1) * together); ++i) {
      plans.push_back(plan(first + i));
    }
    const Episode episode = OnDevice(split.Build(plans, params[0].scalar_type()), params[0].device());
    const ParamList meta = LocalParams(infos, params, episode.rows);
    const AdaptedParams adapted = learner.Adapt(model, meta, episode.support);
    const at::NoGradGuard no_grad;
    const at::Tensor predicted = learner.Logits(model, adapted, episode.query).argmax(-1).cpu();
    const at::Tensor right = predicted.eq(episode.query.labels.cpu());
    const int64_t texts = predicted.size(0) / episode.query.tasks;
    const int64_t* way = predicted.data_ptr<int64_t>();
    for (int64_t t = 0; t < episode.query.tasks; ++t) {
      EpisodeResult& result = results[static_cast<size_t>(g * together + t)];
      result.accuracy = right.narrow(0, t * texts, texts).sum().item<double>() / static_cast<double>(texts);
      result.predictions.assign(way + t * texts, way + (t + 1) * texts);
    }
  });
  return results;
}

}  // namespace metaprompt
