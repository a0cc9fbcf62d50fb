#include "experiments/commands/sinusoid_model.h"

#include <ATen/ATen.h>

#include <cmath>

#include "absl/strings/str_cat.h"
#include "metaprompt/base/random.h"

namespace metaprompt {
namespace {

constexpr double kPi = 3.14159265358979323846;
constexpr int64_t kSizes[] = {1, 40, 40, 1};
constexpr int kLayers = 3;
constexpr double kInitDeviation = 0.1;

// h Wᵀ + b. W [out, in] and b [out] may each have a leading dimension [tasks]. If one of them has it, h and the result
// are [tasks, B / tasks, ...]. Otherwise they may be [B, ...].
at::Tensor Linear(const at::Tensor& h, const at::Tensor& weight, const at::Tensor& bias, int64_t tasks) {
  const int64_t inputs = weight.size(-1);
  if (weight.dim() == 2 && bias.dim() == 1) {
    return at::addmm(bias, h.dim() == 2 ? h : h.reshape({-1, inputs}), weight.t());
  }
  const at::Tensor own = h.dim() == 3 ? h : h.reshape({tasks, -1, inputs});
  const at::Tensor b = bias.unsqueeze(-2);
  if (inputs == 1) {  // an outer product
    return at::addcmul(b, own, weight.transpose(-2, -1));
  }
  if (weight.size(-2) == 1) {  // a scalar product
    return at::add((own * weight).sum(-1, /*keepdim=*/true), b);
  }
  return weight.dim() == 3 ? at::baddbmm(b, own, weight.transpose(1, 2)) : at::add(at::matmul(own, weight.t()), b);
}

}  // namespace

SinusoidModel::SinusoidModel() {
  for (int l = 1; l <= kLayers; ++l) {
    params_.push_back(ParamInfo{absl::StrCat("layer", l, ".weight"),
                                {kSizes[l], kSizes[l - 1]},
                                ParamGroup::kEncoder,
                                l,
                                /*decay=*/true});
    params_.push_back(ParamInfo{absl::StrCat("layer", l, ".bias"), {kSizes[l]}, ParamGroup::kEncoder, l});
  }
}

ModelOutput SinusoidModel::Forward(const ModelParams& params, const Batch& batch) const {
  at::Tensor h = std::get<PointInputs>(batch.inputs).x.unsqueeze(1);
  for (size_t l = 0; l < kLayers; ++l) {
    h = Linear(l == 0 ? h : at::relu(h), params[2 * l], params[2 * l + 1], batch.tasks);
  }
  ModelOutput output;
  output.features = h.dim() == 2 ? h : h.reshape({CountOf(batch.inputs), 1});
  return output;
}

at::Tensor SinusoidModel::Loss(const ModelOutput& output, const Batch& batch) const {
  const at::Tensor mean = at::mse_loss(output.features, batch.labels.unsqueeze(1));
  return batch.tasks == 1 ? mean : mean * static_cast<double>(batch.tasks);  // all tasks have the same number of points
}

ParamList SinusoidModel::Init(uint64_t seed) const {
  ParamList params;
  for (size_t i = 0; i < params_.size(); ++i) {
    const ParamInfo& info = params_[i];
    at::Tensor param = at::zeros(info.shape, at::kFloat);
    if (info.shape.size() == 2) {
      FillNormal(SubSeed(seed, "sinusoid/init", i), kInitDeviation, param.data_ptr<float>(), param.numel());
    }
    params.push_back(param);
  }
  return params;
}

at::Tensor SquaredErrors(const ModelOutput& output, const Batch& batch) {
  return (output.features.squeeze(1) - batch.labels).square().view({batch.tasks, -1}).mean(1);
}

Episode SinusoidSource::Build(absl::Span<const EpisodePlan> plans, at::ScalarType dtype) const {
  const auto count = static_cast<int64_t>(plans.size());
  const std::string purpose = absl::StrCat("sinusoid/", tasks_.purpose);
  struct Points {
    at::Tensor x;
    at::Tensor y;
  };
  const auto empty = [&](int64_t points) {
    return Points{at::empty({count * points}, at::kDouble), at::empty({count * points}, at::kDouble)};
  };
  Points support = empty(tasks_.shots);
  Points query = empty(tasks_.queries);
  for (int64_t t = 0; t < count; ++t) {
    Random random(SubSeed(tasks_.seed, purpose, static_cast<uint64_t>(plans[static_cast<size_t>(t)].index)));
    const double amplitude = 0.1 + 4.9 * random.Uniform();
    const double phase = kPi * random.Uniform();
    const auto draw = [&](Points* into, int64_t points) {
      auto* x = into->x.data_ptr<double>() + t * points;
      auto* y = into->y.data_ptr<double>() + t * points;
      for (int64_t i = 0; i < points; ++i) {
        x[i] = -5 + 10 * random.Uniform();
        y[i] = amplitude * std::sin(x[i] - phase);
      }
    };
    draw(&support, tasks_.shots);
    draw(&query, tasks_.queries);
  }
  const auto batch = [&](const Points& points) {
    Batch made;
    made.tasks = count;
    made.inputs = PointInputs{points.x.to(dtype)};
    made.labels = points.y.to(dtype);
    return made;
  };
  const uint64_t first = plans.empty() ? 0 : static_cast<uint64_t>(plans[0].index);
  return WithSeed({at::empty({0}, at::kLong), batch(support), batch(query)},
                  SubSeed(tasks_.seed, purpose + "/batch", first));
}

Episode SinusoidEpisode(const SinusoidTasks& tasks, int64_t first, int64_t count) {
  std::vector<EpisodePlan> plans(static_cast<size_t>(count));
  for (int64_t i = 0; i < count; ++i) {
    plans[static_cast<size_t>(i)].index = first + i;
  }
  return SinusoidSource(tasks).Build(plans, tasks.dtype);
}

}  // namespace metaprompt
