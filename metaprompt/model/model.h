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

// A function of parameters and a batch. Immutable: it has shapes and constants, but no parameters. Several threads may
// call it at once.
class Model {
 public:
  virtual ~Model() = default;

  virtual const std::vector<ParamInfo>& params() const = 0;

  // `params` as LocalParams gives them for the batch's episode, with or without a class head. Twice differentiable in
  // each tensor. With several tasks, a parameter that is PerTask may have a dimension [tasks] in front; a class head
  // has rows for each class of each task.
  virtual ModelOutput Forward(const ModelParams& params, const Batch& batch) const = 0;

  // The class head of the batch's tasks, computed from the shared parameters. With a verbalizer it is the vector [ways,
  // E] and the bias [ways] of each class's answer words. A learner may adapt it independently of the vocabulary (a soft
  // verbalizer, Hambardzumyan et al. 2021). Differentiable in `params`. Empty: the model has no class head.
  virtual ParamList ClassHead(const ParamList& /*params*/, const Batch& /*batch*/) const { return {}; }

  // Above 0: the class head of a task is not ClassHead, but the prototypes of its support texts, and this number
  // divides the distances to them (VerbalizerSpec.PROTOTYPE). Forward then always gets a class head.
  virtual double prototype_temperature() const { return 0; }

  // E, the width of a class vector; 0: the model has no class head.
  virtual int64_t head_width() const { return 0; }

  // D, the width of the features; 0: the model has none.
  virtual int64_t feature_width() const { return 0; }

  // Whether Forward drops for a batch with Batch::dropout. If so, CacheBelow returns such a batch unchanged.
  virtual bool drops() const { return false; }

  // What learners minimise, a scalar: the mean cross-entropy of the logits; with several tasks, the sum of the tasks'
  // means; with Batch::weights, the sum by these weights.
  virtual at::Tensor Loss(const ModelOutput& output, const Batch& batch) const;

  // The same batch, with everything cached that depends only on parameters of layers below `layer`. Forward gives the
  // same result for it, without computing the cached part again. Differentiable in `params` through Batch::cached. If
  // `layer` is above all parameters' layers, only the class head is left to compute. A model that cannot cache returns
  // the batch unchanged.
  virtual Batch CacheBelow(const ModelParams& /*params*/, const Batch& batch, int /*layer*/) const { return batch; }

  // Whether parameter i (of params()) may have a different value for each task of a batch.
  virtual bool PerTask(size_t /*i*/) const { return false; }

  // About how many bytes the graph of Forward keeps, if all parameters need a gradient. 0: few.
  virtual double GraphBytes(const Batch& /*batch*/) const { return 0; }
};

// Mean cross-entropy of logits [R, ways] against labels [R] (int64), a scalar.
at::Tensor CrossEntropy(const at::Tensor& logits, const at::Tensor& labels);

}  // namespace metaprompt

#endif  // METAPROMPT_MODEL_MODEL_H_
