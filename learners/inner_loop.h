// The inner loop's one step, shared by the learners that descend on the support loss.
#ifndef LEARNERS_INNER_LOOP_H_
#define LEARNERS_INNER_LOOP_H_

#include <ATen/core/Tensor.h>

#include <vector>

#include "learners/learner.pb.h"
#include "metaprompt/batch.h"
#include "metaprompt/model.h"
#include "metaprompt/params.h"

namespace metaprompt {

// Step sizes of the inner steps.
struct InnerRateSpec {
  Scope adapts = BOTH;
  double encoder_lr = 0;
  double prompt_lr = 0;
  double class_lr = 0;
};

// A task's parameters: the model's, and behind them the task's class head, if it is to be adapted.
struct TaskParams {
  ParamList params;
  std::vector<double> rates;  // step size of each; 0: it stays as it is
};

// Where the inner loop begins. The class head is a function of `params`.
TaskParams StartTask(const Model& model, const ParamList& params, const Answers& answers, const InnerRateSpec& rates);

// Which parameters a scope names.
std::vector<bool> InScope(const std::vector<ParamInfo>& infos, Scope scope);

// The same values as leaves of a new graph; those in `wanted` require a gradient.
ParamList Leaves(const ParamList& params, const std::vector<bool>& wanted);

struct StepResult {
  ParamList params;     // θ_{k+1}
  double loss = 0;      // L(θ_k)
  double accuracy = 0;  // at θ_k
};

// θ_{k+1} = θ_k − α ∇L(θ_k; batch), for the parameters whose rate is not 0; they require a gradient. With
// `differentiable` the graph of the gradient is kept, so that θ_{k+1} is a function of θ_k to all orders; without, the
// result is a constant.
StepResult GradientStep(const Model& model, const ParamList& params, const Batch& batch,
                        const std::vector<double>& rates, bool differentiable);

// K steps from `params`, without a graph.
ParamList Descend(const Model& model, const ParamList& params, const Batch& batch, const std::vector<double>& rates,
                  int steps);

// The share of texts whose largest logit is their label's. 0 where the model has no logits.
double Accuracy(const at::Tensor& logits, const at::Tensor& labels);

}  // namespace metaprompt

#endif  // LEARNERS_INNER_LOOP_H_
