#include "learners/inner/adamw.h"

#include <ATen/ATen.h>
#include <ATen/Dispatch.h>
#include <ATen/Parallel.h>
#include <ATen/core/grad_mode.h>

#include <algorithm>
#include <cmath>

// The loops are compiled twice: for every processor of the architecture, and for processors with AVX2. No operations
// are fused, so every operation is rounded separately, and both versions compute the same bits.
#if defined(__x86_64__) && defined(__GNUC__)
#define METAPROMPT_WIDE 1
#define METAPROMPT_AVX2 __attribute__((target("avx2")))
#endif
#define METAPROMPT_INLINE __attribute__((always_inline))

namespace metaprompt {
namespace {

#if METAPROMPT_WIDE
bool HasAvx2() { return __builtin_cpu_supports("avx2") != 0; }
#endif

constexpr double kPi = 3.14159265358979323846;

double PeakRate(const MetaOptimizerSpec& spec, const ParamInfo& info) {
  switch (info.group) {
    case ParamGroup::kPrompt:
      return spec.prompt_lr();
    case ParamGroup::kLora:
      return spec.lora_lr();
    case ParamGroup::kLearner:
      return spec.learner_lr();
    case ParamGroup::kEncoder:
      break;
  }
  return info.vocab_rows ? spec.word_lr() : spec.encoder_lr();
}

struct Step {
  double scale;  // of the gradient
  double beta1;
  double beta2;
  double keep;  // the factor by which weight decay multiplies a parameter
  double rate;
  double correction2;
  double epsilon;
};

// One pass over memory. With tensor operations the update would take ten passes, which were half of a small model's
// meta-step.
template <typename T>
inline METAPROMPT_INLINE void UpdateLoop(const Step& step, const at::Tensor& grad, at::Tensor* param, at::Tensor* first,
                                         at::Tensor* second) {
  const T* g = grad.data_ptr<T>();
  T* theta = param->data_ptr<T>();
  T* m = first->data_ptr<T>();
  T* v = second->data_ptr<T>();
  const T scale = static_cast<T>(step.scale);
  const T beta1 = static_cast<T>(step.beta1);
  const T beta2 = static_cast<T>(step.beta2);
  const T rest1 = static_cast<T>(1.0 - step.beta1);
  const T rest2 = static_cast<T>(1.0 - step.beta2);
  const T keep = static_cast<T>(step.keep);
  const T rate = static_cast<T>(step.rate);
  const T unbias = static_cast<T>(1.0 / step.correction2);
  const T epsilon = static_cast<T>(step.epsilon);
  const int64_t size = param->numel();
#pragma omp simd
  for (int64_t k = 0; k < size; ++k) {
    const T grad_k = g[k] * scale;
    m[k] = beta1 * m[k] + rest1 * grad_k;           // m = β₁ m + (1 − β₁) g
    v[k] = beta2 * v[k] + rest2 * grad_k * grad_k;  // v = β₂ v + (1 − β₂) g²
    // θ = (1 − rate λ) θ − rate · (m / (1 − β₁ᵗ)) / (√(v / (1 − β₂ᵗ)) + ε)
    theta[k] = keep * theta[k] - rate * m[k] / (std::sqrt(v[k] * unbias) + epsilon);
  }
}

#if METAPROMPT_WIDE
template <typename T>
METAPROMPT_AVX2 void UpdateAvx2(const Step& step, const at::Tensor& grad, at::Tensor* param, at::Tensor* first,
                                at::Tensor* second) {
  UpdateLoop<T>(step, grad, param, first, second);
}
#endif

template <typename T>
void Update(const Step& step, const at::Tensor& grad, at::Tensor* param, at::Tensor* first, at::Tensor* second) {
#if METAPROMPT_WIDE
  if (HasAvx2()) {
    UpdateAvx2<T>(step, grad, param, first, second);
    return;
  }
#endif
  UpdateLoop<T>(step, grad, param, first, second);
}

// What an update does to lists of tensors on a device, with a few operations for all of them together. A GPU would take
// longer to start operations for each tensor than to compute them.
struct ListUpdate {
  ParamList grads;
  ParamList params;
  ParamList first;
  ParamList second;
  std::vector<at::Scalar> keep;
  std::vector<at::Scalar> minus_rate;

  void Add(const Step& step, const at::Tensor& grad, const at::Tensor& param, const at::Tensor& m,
           const at::Tensor& v) {
    grads.push_back(grad);
    params.push_back(param);
    first.push_back(m);
    second.push_back(v);
    keep.emplace_back(step.keep);
    minus_rate.emplace_back(-step.rate);
  }

  // The scale, the betas, the correction and the epsilon of `step` are those of all tensors.
  void Run(const Step& step) {
    const ParamList g = step.scale == 1 ? grads : at::_foreach_mul(grads, step.scale);
    at::_foreach_mul_(first, step.beta1);
    at::_foreach_add_(first, g, 1.0 - step.beta1);
    at::_foreach_mul_(second, step.beta2);
    at::_foreach_addcmul_(second, g, g, 1.0 - step.beta2);
    const ParamList size = at::_foreach_mul(second, 1.0 / step.correction2);
    at::_foreach_sqrt_(size);
    at::_foreach_add_(size, step.epsilon);
    at::_foreach_mul_(params, keep);
    at::_foreach_addcdiv_(params, first, size, minus_rate);
  }
};

// The arrays that a step of the inner loop reads and writes. The results may overwrite the inputs.
template <typename T>
struct InnerNumbers {
  const T* grad;
  const T* param;
  const T* first;  // null: the moments are 0
  const T* second;
  T* next_param;
  T* next_first;
  T* next_second;
};

// Updates the numbers from `from` to `to` - 1. `kBegun`: whether there are moments. Every operation is rounded
// separately, so the results are the same for any vector width.
template <typename T, bool kBegun>
inline METAPROMPT_INLINE void InnerUpdate(const InnerAdamW& step, const InnerNumbers<T>& at, int64_t from, int64_t to) {
  const T beta1 = static_cast<T>(step.beta1);
  const T beta2 = static_cast<T>(step.beta2);
  const T rest1 = static_cast<T>(1.0 - step.beta1);
  const T rest2 = static_cast<T>(1.0 - step.beta2);
  const T unbias1 = static_cast<T>(step.unbias1);
  const T unbias2 = static_cast<T>(step.unbias2);
  const T inside = static_cast<T>(step.inside);
  const T outside = static_cast<T>(step.outside);
  const T decay = static_cast<T>(step.weight_decay);
  const T rate = static_cast<T>(step.rate);
#pragma omp simd
  for (int64_t k = from; k < to; ++k) {
    const T g = at.grad[k];
    const T theta = at.param[k];
    const T m = beta1 * (kBegun ? at.first[k] : T{0}) + rest1 * g;
    const T v = beta2 * (kBegun ? at.second[k] : T{0}) + rest2 * g * g;
    at.next_first[k] = m;
    at.next_second[k] = v;
    at.next_param[k] = theta - rate * (m * unbias1 / (std::sqrt(v * unbias2 + inside) + outside) + decay * theta);
  }
}

template <typename T>
inline METAPROMPT_INLINE void InnerUpdateEither(const InnerAdamW& step, const InnerNumbers<T>& at, int64_t from,
                                                int64_t to) {
  if (at.first != nullptr) {
    InnerUpdate<T, true>(step, at, from, to);
  } else {
    InnerUpdate<T, false>(step, at, from, to);
  }
}

#if METAPROMPT_WIDE
template <typename T>
METAPROMPT_AVX2 void InnerUpdateAvx2(const InnerAdamW& step, const InnerNumbers<T>& at, int64_t from, int64_t to) {
  InnerUpdateEither(step, at, from, to);
}
#endif

template <typename T>
void InnerUpdateRange(const InnerAdamW& step, const InnerNumbers<T>& at, int64_t from, int64_t to) {
#if METAPROMPT_WIDE
  if (HasAvx2()) {
    InnerUpdateAvx2(step, at, from, to);
    return;
  }
#endif
  InnerUpdateEither(step, at, from, to);
}

// Whether nothing else refers to these numbers: neither another at::Tensor nor a view.
bool IsOwned(const at::Tensor& tensor) {
  return tensor.use_count() == 1 && tensor.storage().use_count() == 1 && tensor.is_contiguous();
}

// If *tensor is not owned, replaces it by a new tensor, into which the result can be written. Returns the old numbers,
// or null if *tensor was undefined. `old` keeps the old tensor alive if it was replaced.
template <typename T>
const T* MakeWritable(const at::Tensor& like, at::Tensor* tensor, at::Tensor* old) {
  if (tensor->defined() && IsOwned(*tensor)) {
    return tensor->data_ptr<T>();
  }
  if (tensor->defined()) {
    *old = tensor->contiguous();
  }
  *tensor = at::empty(like.sizes(), like.options());
  return old->defined() ? old->data_ptr<T>() : nullptr;
}

template <typename T>
void InnerStepOf(const InnerAdamW& step, const at::Tensor& grad, at::Tensor* param, at::Tensor* first,
                 at::Tensor* second) {
  TORCH_CHECK(first->defined() == second->defined(), "InnerAdamWStep: one moment without the other");
  constexpr int64_t kGrain = 1 << 16;  // minimum of numbers per thread
  const at::Tensor whole = grad.contiguous();
  at::Tensor old[3];  // alive until the numbers have been read
  InnerNumbers<T> at = {};
  at.grad = whole.data_ptr<T>();
  at.param = MakeWritable<T>(whole, param, &old[0]);
  at.first = MakeWritable<T>(whole, first, &old[1]);
  at.second = MakeWritable<T>(whole, second, &old[2]);
  at.next_param = param->data_ptr<T>();
  at.next_first = first->data_ptr<T>();
  at.next_second = second->data_ptr<T>();
  at::parallel_for(0, param->numel(), kGrain, [&](int64_t from, int64_t to) { InnerUpdateRange(step, at, from, to); });
}

}  // namespace

double NormOf(const ParamList& tensors) {
  ParamList some;
  for (const at::Tensor& tensor : tensors) {
    if (tensor.defined()) {
      some.push_back(tensor);
    }
  }
  if (some.empty()) {
    return 0;
  }
  if (!some[0].is_cpu()) {
    return at::stack(at::_foreach_norm(some)).to(at::kDouble).norm().item<double>();
  }
  double squares = 0;
  for (const at::Tensor& tensor : some) {
    const auto norm = tensor.norm().item<double>();
    squares += norm * norm;
  }
  return std::sqrt(squares);
}

AdamWState NoMoments(const ParamList& params) {
  AdamWState state;
  state.first.resize(params.size());
  state.second.resize(params.size());
  return state;
}

double RateShare(const Schedule& schedule, int64_t step, int64_t total) {
  const double share = schedule.warmup_share * static_cast<double>(total);
  const bool from_zero = schedule.warmup == FROM_ZERO;
  // 1/30 of 30 steps must be one step, although the nearest binary fraction may be less than 1/30.
  const double warmup = from_zero ? std::floor(share * (1 + 1e-9)) : std::ceil(share);
  const auto at = static_cast<double>(step);
  if (at < warmup) {
    return from_zero ? at / warmup : (at + 1.0) / (warmup + 1.0);
  }
  const double rest = (static_cast<double>(total) - at) / std::max(1.0, static_cast<double>(total) - warmup);
  switch (schedule.decay) {
    case LINEAR:
      return schedule.least + (1.0 - schedule.least) * rest;
    case COSINE:
      return schedule.least + (1.0 - schedule.least) * 0.5 * (1.0 - std::cos(kPi * rest));
    case CONSTANT:
      break;
  }
  return 1.0;
}

AdamWNumbers NumbersOf(const AdamWSettings& settings, const std::vector<ParamInfo>& infos,
                       const std::vector<double>& rates, double norm, int64_t step) {
  AdamWNumbers numbers;
  numbers.sgd = settings.sgd;
  numbers.scale = settings.clip_norm > 0 && norm > settings.clip_norm ? settings.clip_norm / norm : 1.0;
  numbers.beta1 = settings.beta1;
  numbers.beta2 = settings.beta2;
  numbers.epsilon = settings.epsilon;
  numbers.correction1 = 1.0 - std::pow(settings.beta1, static_cast<double>(step + 1));
  numbers.correction2 = 1.0 - std::pow(settings.beta2, static_cast<double>(step + 1));
  numbers.rates = rates;
  for (size_t i = 0; i < rates.size(); ++i) {
    numbers.keep.push_back(infos[i].decay ? 1.0 - rates[i] * settings.weight_decay : 1.0);
  }
  return numbers;
}

AdamWNumbers NumbersOf(const MetaOptimizerSpec& spec, const std::vector<ParamInfo>& infos, int64_t total, double norm,
                       int64_t step) {
  const double share = RateShare(Schedule::Of(spec), step, std::max<int64_t>(total, spec.schedule_steps()));
  std::vector<double> rates;
  for (const ParamInfo& info : infos) {
    rates.push_back(share * PeakRate(spec, info));
  }
  AdamWSettings settings;
  settings.sgd = spec.optimizer() == MetaOptimizerSpec::SGD;
  settings.beta1 = spec.beta1();
  settings.beta2 = spec.beta2();
  settings.epsilon = spec.epsilon();
  settings.weight_decay = spec.weight_decay();
  settings.clip_norm = spec.clip_norm();
  return NumbersOf(settings, infos, rates, norm, step);
}

void AdamWApply(const AdamWNumbers& numbers, const ParamList& grads, ParamList* params, AdamWState* state) {
  ++state->step;
  ListUpdate on_device;
  Step last = {};
  for (size_t i = 0; i < params->size(); ++i) {
    const at::Tensor& grad = grads[i];
    if (!grad.defined()) {
      continue;
    }
    if ((*params)[i].use_count() > 1) {  // it may also be in the list with which training began
      (*params)[i] = (*params)[i].clone();
    }
    if (numbers.sgd) {
      (*params)[i].mul_(numbers.keep[i]).sub_(grad, numbers.rates[i] * numbers.scale);
      continue;
    }
    for (ParamList* const moments : {&state->first, &state->second}) {
      if (at::Tensor& moment = (*moments)[i]; !moment.defined()) {
        moment = at::zeros_like((*params)[i]);
      }
    }
    const Step step = {
        numbers.scale,       numbers.beta1,  numbers.beta2, numbers.keep[i], numbers.rates[i] / numbers.correction1,
        numbers.correction2, numbers.epsilon};
    if (!(*params)[i].is_cpu()) {
      on_device.Add(step, grad, (*params)[i], state->first[i], state->second[i]);
      last = step;
      continue;
    }
    AT_DISPATCH_FLOATING_TYPES((*params)[i].scalar_type(), "AdamWApply", [&] {
      Update<scalar_t>(step, grad.contiguous(), &(*params)[i], &state->first[i], &state->second[i]);
    });
  }
  if (!on_device.params.empty()) {
    on_device.Run(last);
  }
}

double AdamWUpdate(const AdamWSettings& settings, const std::vector<ParamInfo>& infos, const std::vector<double>& rates,
                   const ParamList& grads, ParamList* params, AdamWState* state) {
  const double norm = NormOf(grads);
  AdamWApply(NumbersOf(settings, infos, rates, norm, state->step), grads, params, state);
  return norm;
}

double AdamWUpdate(const MetaOptimizerSpec& spec, const std::vector<ParamInfo>& infos, int64_t total,
                   const ParamList& grads, ParamList* params, AdamWState* state) {
  const double norm = NormOf(grads);
  AdamWApply(NumbersOf(spec, infos, total, norm, state->step), grads, params, state);
  return norm;
}

void InnerAdamWSteps(const InnerAdamW& step, const std::vector<double>& decay, const std::vector<double>& rates,
                     const ParamList& grads, ParamList* params, ParamList* first, ParamList* second) {
  const at::NoGradGuard no_grad;
  const auto begun = std::count_if(first->begin(), first->end(), [](const at::Tensor& m) { return m.defined(); });
  TORCH_CHECK(begun == 0 || begun == static_cast<int64_t>(first->size()), "InnerAdamWSteps: ", begun, " of ",
              first->size(), " moments");
  if (begun > 0) {
    *first = at::_foreach_mul(*first, step.beta1);
    *second = at::_foreach_mul(*second, step.beta2);
    at::_foreach_add_(*first, grads, 1.0 - step.beta1);
    at::_foreach_addcmul_(*second, grads, grads, 1.0 - step.beta2);
  } else {
    *first = at::_foreach_mul(grads, 1.0 - step.beta1);
    *second = at::_foreach_mul(grads, grads);
    at::_foreach_mul_(*second, 1.0 - step.beta2);
  }
  const ParamList size = at::_foreach_mul(*second, step.unbias2);
  if (step.inside != 0) {
    at::_foreach_add_(size, step.inside);
  }
  at::_foreach_sqrt_(size);
  if (step.outside != 0) {
    at::_foreach_add_(size, step.outside);
  }
  std::vector<at::Scalar> keep;
  std::vector<at::Scalar> of_direction;
  for (size_t i = 0; i < rates.size(); ++i) {
    keep.emplace_back(1.0 - rates[i] * decay[i]);
    of_direction.emplace_back(-rates[i] * step.unbias1);
  }
  const bool decays = std::any_of(decay.begin(), decay.end(), [](double each) { return each != 0; });
  *params = at::_foreach_addcdiv(decays ? at::_foreach_mul(*params, keep) : *params, *first, size, of_direction);
}

void InnerAdamWStep(const InnerAdamW& step, const at::Tensor& grad, at::Tensor* param, at::Tensor* first,
                    at::Tensor* second) {
  const at::NoGradGuard no_grad;
  AT_DISPATCH_FLOATING_TYPES(param->scalar_type(), "InnerAdamWStep",
                             [&] { InnerStepOf<scalar_t>(step, grad, param, first, second); });
}

}  // namespace metaprompt
