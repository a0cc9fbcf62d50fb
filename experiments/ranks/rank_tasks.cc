#include "experiments/ranks/rank_tasks.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

#include <utility>

#include "absl/strings/str_cat.h"
#include "experiments/workbench/divergence.h"
#include "metaprompt/model/finite.h"

namespace metaprompt {

MetaBatch TasksOfStep(const ExperimentSpec& spec, const TaskSource& split, const EpisodeSampler& sampler,
                      int64_t meta_step) {
  MetaBatch batch;
  batch.tasks = spec.train().meta_batch();
  batch.together = spec.tasks_together();
  batch.episode = [&split, &sampler, begin = meta_step * batch.tasks](int64_t first, int64_t count) {
    return split.Build(sampler.Plans(begin + first, count), at::kFloat);
  };
  return batch;
}

EpisodeTester::EpisodeTester(const Workbench& bench, const Learner& learner, const TaskSource& split, PlanOf plan,
                             std::string what)
    : bench_(bench),
      learner_(learner),
      split_(split),
      plan_(std::move(plan)),
      what_(std::move(what)),
      infos_(MetaInfos(bench.model(), learner)),
      together_(bench.spec().learner().meta_test().epochs() > 0 || !learner.TakesSeveralTasks(bench.model())
                    ? 1
                    : bench.spec().tasks_together()) {}

absl::StatusOr<std::vector<EpisodeResult>> EpisodeTester::Group(const ParamList& params, int64_t first,
                                                                int64_t end) const {
  const Model& model = bench_.model();
  std::vector<EpisodePlan> plans;
  for (int64_t i = first; i < end; ++i) {
    plans.push_back(plan_(i));
  }
  const Episode episode = OnDevice(split_.Build(plans, params[0].scalar_type()), params[0].device());
  const ParamList meta = LocalParams(infos_, params, episode.rows);
  const AdaptedParams adapted = learner_.Adapt(model, meta, episode.support);
  const at::NoGradGuard no_grad;
  const at::Tensor logits = learner_.Logits(model, adapted, episode.query);
  if (!AllFinite(logits)) {
    return absl::FailedPreconditionError(
        absl::StrCat(what_, ", episode ", first, ": the logits of its query texts are not finite; ",
                     Divergence(bench_.spec().learner(), model, meta, episode.support).message()));
  }
  const at::Tensor predicted = logits.argmax(-1).cpu();
  const at::Tensor right = predicted.eq(episode.query.labels.cpu());
  const int64_t texts = predicted.size(0) / episode.query.tasks;
  const int64_t* way = predicted.data_ptr<int64_t>();
  std::vector<EpisodeResult> results;
  for (int64_t t = 0; t < episode.query.tasks; ++t) {
    EpisodeResult result;
    result.accuracy = right.narrow(0, t * texts, texts).sum().item<double>() / static_cast<double>(texts);
    result.predictions.assign(way + t * texts, way + (t + 1) * texts);
    results.push_back(std::move(result));
  }
  return results;
}

}  // namespace metaprompt
