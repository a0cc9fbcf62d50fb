// What a learner needs of a model: class logits and a loss as pure functions of a parameter list.
#ifndef METAPROMPT_MODEL_H_
#define METAPROMPT_MODEL_H_

#include <ATen/core/Tensor.h>

#include <vector>

#include "metaprompt/batch.h"
#include "metaprompt/params.h"

namespace metaprompt {

struct ModelOutput {
  at::Tensor features;  // [B, D]: the last hidden state at the mask
  at::Tensor logits;    // [B, ways]
};

// Immutable; holds shapes and constants, never parameters. Safe to call from several threads at once.
class Model {
 public:
  virtual ~Model() = default;

  virtual const std::vector<ParamInfo>& params() const = 0;

  // `params` as LocalParams gives them for the batch's episode, with or without what ClassHead returns behind them.
  // Twice differentiable in each of them.
  virtual ModelOutput Forward(const ParamList& params, const Batch& batch) const = 0;

  // The task's own class parameters, as they follow from the shared ones: for a verbalizer, each class's vector [ways,
  // D] and bias [ways], which are those of its answer words. A learner may adapt them apart from the vocabulary that
  // they come from (a soft verbalizer, Hambardzumyan et al. 2021). Differentiable in `params`. Empty: the model has
  // none.
  virtual ParamList ClassHead(const ParamList& /*params*/, const Answers& /*answers*/) const { return {}; }

  // What learners minimise: the mean cross-entropy of the logits, a scalar.
  virtual at::Tensor Loss(const ModelOutput& output, const Batch& batch) const;
};

// Mean cross-entropy of logits [B, ways] against labels [B] (int64), a scalar.
at::Tensor CrossEntropy(const at::Tensor& logits, const at::Tensor& labels);

}  // namespace metaprompt

#endif  // METAPROMPT_MODEL_H_
