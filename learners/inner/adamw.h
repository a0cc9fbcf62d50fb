// The meta-optimizer: AdamW (Loshchilov and Hutter 2019, algorithm 2) or gradient descent, with warm-up, decay of the
// rate and gradient clipping. Also AdamW for inner steps without a graph.
#ifndef LEARNERS_INNER_ADAMW_H_
#define LEARNERS_INNER_ADAMW_H_

#include <cstdint>
#include <vector>

#include "learners/learner.pb.h"
#include "metaprompt/model/params.h"

namespace metaprompt {

struct AdamWState {
  int64_t step = 0;  // number of updates so far
  ParamList first;   // the moment of each parameter; undefined (zero) if it has never had a gradient
  ParamList second;
};

AdamWState NoMoments(const ParamList& params);

// How a rate rises and falls.
struct Schedule {
  double warmup_share = 0;  // share of all updates
  WarmUp warmup = FROM_FIRST;
  Decay decay = CONSTANT;
  double least = 0;  // the share of the peak rate at which the decay ends

  static Schedule Of(const MetaTestSpec& spec) { return {spec.warmup_share(), spec.warmup(), spec.decay(), 0}; }
  static Schedule Of(const MetaOptimizerSpec& spec) {
    return {spec.warmup_share(), spec.warmup(), spec.decay(), spec.least_share()};
  }
};

// The share of the peak rate at update `step` (from 0) of `total`. It rises linearly during the warm-up (see WarmUp).
// After that it is constant, or falls to `least`, linearly or as half a cosine (Loshchilov and Hutter 2017, eq. 5).
double RateShare(const Schedule& schedule, int64_t step, int64_t total);

// The settings of an update that are the same for all parameters.
struct AdamWSettings {
  bool sgd = false;  // gradient descent in place of AdamW; it has no moments
  double beta1 = 0.9;
  double beta2 = 0.999;
  double epsilon = 1e-8;  // outside the root
  double weight_decay = 0;
  double clip_norm = 0;  // 0: no bound
};

// The numbers of one update, apart from gradients, parameters and moments.
struct AdamWNumbers {
  bool sgd = false;  // see AdamWSettings
  double scale = 1;  // the factor of the gradients; less than 1 if they are clipped
  double beta1 = 0.9;
  double beta2 = 0.999;
  double epsilon = 1e-8;
  double correction1 = 1;  // 1 − β₁ᵗ in update t, from 1
  double correction2 = 1;  // 1 − β₂ᵗ
  // Of each parameter: its rate, and the factor by which weight decay multiplies it.
  std::vector<double> rates;
  std::vector<double> keep;
};

// The numbers of update `step` (from 0), in which parameter i has the rate rates[i]. `norm`: that of all gradients,
// which decides whether they are clipped.
AdamWNumbers NumbersOf(const AdamWSettings& settings, const std::vector<ParamInfo>& infos,
                       const std::vector<double>& rates, double norm, int64_t step);

// The same with the rates of meta-training: update `step` of `total`, or of spec.schedule_steps if that is more.
AdamWNumbers NumbersOf(const MetaOptimizerSpec& spec, const std::vector<ParamInfo>& infos, int64_t total, double norm,
                       int64_t step);

// One update in place. A parameter that is also in another list is copied first, so that the other list keeps its
// values. A parameter with an undefined gradient is unchanged, as are its moments.
void AdamWApply(const AdamWNumbers& numbers, const ParamList& grads, ParamList* params, AdamWState* state);

// NumbersOf and AdamWApply for the next update of `state`. Clipping scales the update. Returns the norm of the
// gradients before clipping.
double AdamWUpdate(const AdamWSettings& settings, const std::vector<ParamInfo>& infos, const std::vector<double>& rates,
                   const ParamList& grads, ParamList* params, AdamWState* state);

// The same with the rates of meta-training.
double AdamWUpdate(const MetaOptimizerSpec& spec, const std::vector<ParamInfo>& infos, int64_t total,
                   const ParamList& grads, ParamList* params, AdamWState* state);

// The constants of one step of the inner loop's AdamW.
struct InnerAdamW {
  double beta1 = 0;
  double beta2 = 0;
  double unbias1 = 1;  // 1 / (1 − β₁ᵗ)
  double unbias2 = 1;  // 1 / (1 − β₂ᵗ)
  double inside = 0;   // ε² or, with ε outside the root, 0
  double outside = 0;  // ε or, with ε inside the root, 0
  double weight_decay = 0;
  double rate = 0;
};

// m' = β₁ m + (1 − β₁) g, v' = β₂ v + (1 − β₂) g², θ' = θ − rate (m' unbias1 / (√(v' unbias2 + inside) + outside) +
// weight_decay θ), for float or double tensors on the CPU, in one pass over memory and without a graph. Undefined
// moments are zero. Each of *param, *first and *second is changed in place if nothing else refers to it or to its
// storage; otherwise it becomes a new tensor. The bits are the same either way, and for any number of threads.
void InnerAdamWStep(const InnerAdamW& step, const at::Tensor& grad, at::Tensor* param, at::Tensor* first,
                    at::Tensor* second);

// The same for lists of tensors on one device, with a few operations for all of them together. Parameter i has the
// weight decay decay[i] and the rate rates[i], in place of those of `step`. Either all moments are undefined or none.
// The lists get new tensors.
void InnerAdamWSteps(const InnerAdamW& step, const std::vector<double>& decay, const std::vector<double>& rates,
                     const ParamList& grads, ParamList* params, ParamList* first, ParamList* second);

// The norm of all tensors that are defined, taken together.
double NormOf(const ParamList& tensors);

}  // namespace metaprompt

#endif  // LEARNERS_INNER_ADAMW_H_
