// What a learner needs of a model: class logits and a loss as pure functions of a parameter list.
#ifndef METAPROMPT_MODEL_MODEL_H_
#define METAPROMPT_MODEL_MODEL_H_

#include <ATen/core/Tensor.h>

#include <vector>

#include "metaprompt/model/batch.h"
#include "metaprompt/model/params.h"

namespace metaprompt {

struct ModelOutput {
  at::Tensor features;  // [R, D]: what metric learners compare, as ModelSpec.features says; R: RowsOf(batch)
  at::Tensor read;      // [R, E]: what class vectors are multiplied with
  at::Tensor logits;    // [R, ways]
};

// Immutable; holds shapes and constants, never parameters. Safe to call from several threads at once.
class Model {
 public:
  virtual ~Model() = default;

  virtual const std::vector<ParamInfo>& params() const = 0;

  // `params` as LocalParams gives them for the batch's episode, with or without a class head. Twice differentiable in
  // each tensor. With several tasks, a parameter that is PerTask may have a dimension [tasks] in front; a class head
  // has rows for each class of each task.
  virtual ModelOutput Forward(const ModelParams& params, const Batch& batch) const = 0;

  // The task's own class parameters, as they follow from the shared ones: for a verbalizer, each class's vector [ways,
  // E] and bias [ways], which are those of its answer words. A learner may adapt them apart from the vocabulary that
  // they come from (a soft verbalizer, Hambardzumyan et al. 2021). Differentiable in `params`. Empty: the model has
  // none.
  virtual ParamList ClassHead(const ParamList& /*params*/, const Batch& /*batch*/) const { return {}; }

  // Above 0: a task's class parameters are not ClassHead's but the prototypes of its support texts, distances divided
  // by this (VerbalizerSpec.PROTOTYPE). Forward is then given a class head.
  virtual double prototype_temperature() const { return 0; }

  // E, the width of a class vector; 0: the model has no class head.
  virtual int64_t head_width() const { return 0; }

  // D, the width of the features; 0: the model has none.
  virtual int64_t feature_width() const { return 0; }

  // What learners minimise, a scalar: the mean cross-entropy of the logits; with several tasks, the sum of the tasks'
  // means.
  virtual at::Tensor Loss(const ModelOutput& output, const Batch& batch) const;

  // The batch with everything cached that depends on parameters of layers below `layer` alone: Forward then gives what
  // it gave before, without computing that again. Differentiable in `params` through Batch::cached. With a `layer`
  // above every parameter's, the class head is all that is left to compute. The batch itself where nothing can be
  // cached.
  virtual Batch Lowered(const ModelParams& /*params*/, const Batch& batch, int /*layer*/) const { return batch; }

  // Whether each task of a batch may have a value of its own of parameter i (of params()).
  virtual bool PerTask(size_t /*i*/) const { return false; }

  // About how many bytes the graph of Forward keeps for one derivative, all parameters wanted. 0: few.
  virtual double GraphBytes(const Batch& /*batch*/) const { return 0; }
};

// Mean cross-entropy of logits [R, ways] against labels [R] (int64), a scalar.
at::Tensor CrossEntropy(const at::Tensor& logits, const at::Tensor& labels);

}  // namespace metaprompt

#endif  // METAPROMPT_MODEL_MODEL_H_
