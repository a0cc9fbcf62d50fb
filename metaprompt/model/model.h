// The interface between learners and models. A model computes class logits and a loss as pure functions of a list of
// parameters.
#ifndef METAPROMPT_MODEL_MODEL_H_
#define METAPROMPT_MODEL_MODEL_H_

#include <ATen/core/Tensor.h>

#include <vector>

#include "metaprompt/model/batch.h"
#include "metaprompt/model/params.h"

namespace metaprompt {

struct ModelOutput {
  at::Tensor features;  // [R, D], R = RowsOf(batch): what metric learners compare (ModelSpec.features)
  at::Tensor read;      // [R, E]: what is multiplied with the class vectors
  at::Tensor logits;    // [R, ways]
};

// A function of parameters and a batch. A model is immutable: it has the shapes of its parameters, but not their
// values. Several threads may call it at the same time.
class Model {
 public:
  virtual ~Model() = default;

  virtual const std::vector<ParamInfo>& params() const = 0;

  // `params` are the values that LocalParams returns for the batch's episode, with or without a class head. The output
  // is twice differentiable with respect to each of them. If the batch has several tasks, a parameter that is PerTask
  // may have a leading dimension [tasks], and a class head has one row per class and task.
  virtual ModelOutput Forward(const ModelParams& params, const Batch& batch) const = 0;

  // The class head of the batch's tasks, computed from the shared parameters. For a model with a verbalizer it consists
  // of the class vectors [ways, E] and the biases [ways], which are computed from the classes' answer words. A learner
  // may adapt them independently of the vocabulary (a soft verbalizer, Hambardzumyan et al. 2021). Differentiable with
  // respect to `params`. Empty: the model has no class head.
  virtual ParamList ClassHead(const ParamList& /*params*/, const Batch& /*batch*/) const { return {}; }

  // If it is above 0, the class head of a task is computed from the prototypes of its support set instead of by
  // ClassHead (VerbalizerSpec.PROTOTYPE), and the distances to the prototypes are divided by this number. Forward must
  // then be given a class head.
  virtual double prototype_temperature() const { return 0; }

  // E, the width of a class vector; 0: the model has no class head.
  virtual int64_t head_width() const { return 0; }

  // D, the width of the features; 0: the model has none.
  virtual int64_t feature_width() const { return 0; }

  // Whether Forward applies dropout to a batch with Batch::dropout. If so, CacheBelow returns such a batch unchanged.
  virtual bool drops() const { return false; }

  // What learners minimise, a scalar: by default the mean cross-entropy of the rows; for several tasks the sum of their
  // means; with Batch::weights the weighted sum over the rows.
  virtual at::Tensor Loss(const ModelOutput& output, const Batch& batch) const;

  // The same batch, with a cache of everything that depends only on parameters of layers below `layer`. Forward returns
  // the same result for it, without computing the cached part again. Batch::cached is differentiable with respect to
  // `params`. If `layer` is greater than every parameter's layer, only the class head is left to compute. A model that
  // does not cache returns the batch unchanged.
  virtual Batch CacheBelow(const ModelParams& /*params*/, const Batch& batch, int /*layer*/) const { return batch; }

  // Whether params()[i] may have a different value for each task of a batch.
  virtual bool PerTask(size_t /*i*/) const { return false; }

  // Approximately how many bytes the graph of Forward keeps if all parameters require a gradient. 0: negligible.
  virtual double GraphBytes(const Batch& /*batch*/) const { return 0; }
};

// Mean cross-entropy of logits [R, ways] against labels [R] (int64), a scalar.
at::Tensor CrossEntropy(const at::Tensor& logits, const at::Tensor& labels);

}  // namespace metaprompt

#endif  // METAPROMPT_MODEL_MODEL_H_
