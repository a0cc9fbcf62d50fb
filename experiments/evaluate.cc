#include "experiments/evaluate.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

#include <cmath>

namespace metaprompt {

MeanInterval Interval(absl::Span<const double> values) {
  MeanInterval interval;
  const auto n = static_cast<double>(values.size());
  for (const double value : values) {
    interval.mean += value / n;
  }
  double squares = 0;
  for (const double value : values) {
    squares += (value - interval.mean) * (value - interval.mean);
  }
  if (values.size() > 1) {
    interval.half_width = 1.96 * std::sqrt(squares / (n - 1.0) / n);
  }
  return interval;
}

std::vector<EpisodeResult> EvaluateEpisodes(const Learner& learner, const Model& model, const ParamList& params,
                                            const PromptedSplit& split, const EpisodeSampler& sampler, int64_t first,
                                            int64_t count, TaskPool* pool) {
  std::vector<EpisodeResult> results(static_cast<size_t>(count));
  pool->Run(count, [&](int64_t i) {
    const Episode episode = OnDevice(split.Build(sampler.Plan(first + i), params[0].scalar_type()), params[0].device());
    const ParamList meta = LocalParams(model.params(), params, episode.rows);
    const ParamList adapted = learner.Adapt(model, meta, episode.support);
    const at::NoGradGuard no_grad;
    const at::Tensor predicted = model.Forward(adapted, episode.query).logits.argmax(-1).cpu();
    EpisodeResult& result = results[static_cast<size_t>(i)];
    result.accuracy =
        predicted.eq(episode.query.labels.cpu()).sum().item<double>() / static_cast<double>(predicted.size(0));
    const int64_t* way = predicted.data_ptr<int64_t>();
    result.predictions.assign(way, way + predicted.size(0));
  });
  return results;
}

}  // namespace metaprompt
