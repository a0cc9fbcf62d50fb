// Batch: what a model computes in one forward pass. It has the inputs and labels of one or several tasks.
#ifndef METAPROMPT_MODEL_BATCH_H_
#define METAPROMPT_MODEL_BATCH_H_

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <functional>
#include <memory>

#include "absl/types/span.h"
#include "metaprompt/model/inputs.h"

namespace metaprompt {

// Intermediate results that a model has already computed for a batch (see Model::CacheBelow). Each model that caches
// results derives a class for them.
class Cached {
 public:
  // What the first dimension of a cached tensor counts.
  enum class Rows {
    kTokens,  // tokens of the batch's sequences (SequencesOf)
    kInputs,  // inputs
    kOutput,  // rows of the model's output
    kShared,  // something else: the tensor does not depend on which inputs the batch has
  };

  virtual ~Cached() = default;

  // Returns a copy in which each tensor is replaced by function(tensor, rows). The tensors are passed in the same order
  // in every call. Gradients with respect to the model's parameters can flow through each of them.
  virtual std::shared_ptr<const Cached> Map(
      const std::function<at::Tensor(const at::Tensor&, Rows)>& function) const = 0;
};

// The inputs and labels of M tasks, task by task. All tasks have the same number of inputs, rows and classes. A row is
// one prediction of the model: it belongs to one input and has one label. Several rows may belong to the same input,
// for which the model then computes the hidden states only once.
struct Batch {
  int64_t tasks = 1;   // M
  int64_t ways = 0;    // classes per task; 0: the labels are not classes
  Inputs inputs;       // the B inputs of all tasks together
  at::Tensor repeats;  // [R] int64: row r belongs to input repeats[r]; undefined: row r belongs to input r, and R = B
  at::Tensor labels;   // [R] int64 in [0, ways); for regression on points, the target values
  at::Tensor weights;  // [R]: the loss is Σ_r weights[r] · (loss of row r); undefined: each weight is M / R
  std::shared_ptr<const Cached> cached;  // null: nothing is cached
  uint64_t seed = 0;                     // of everything random that is computed from the batch: mini-batches, dropout
  bool dropout = false;  // whether the model applies its dropout (ModelSpec.dropout); `seed` determines the masks
};

// The number of rows, R.
int64_t RowsOf(const Batch& batch);

// The batch's texts. The batch must have texts (TORCH_CHECK).
const TextInputs& TextsOf(const Batch& batch);

// The token sequences that an encoder processes: the batch's texts, or its images as sequences (ImageInputs::tokens).
// The batch must have texts or images (TORCH_CHECK).
const TextInputs& SequencesOf(const Batch& batch);

// Returns a batch of the rows with the indices `rows`, in that order. The given batch must have one task, and each
// index must be less than RowsOf(batch). If several of the rows belong to the same input, the new batch contains this
// input once and sets `repeats`. The corresponding parts of `cached` are selected too.
Batch SelectRows(const Batch& batch, absl::Span<const int64_t> rows);

// The same batch in the device's memory. If the device is the CPU, returns the batch unchanged.
Batch OnDevice(Batch batch, at::Device device);

// The same batch, with the tensors of `cached` detached: no gradient flows through them.
Batch WithoutGraph(Batch batch);

}  // namespace metaprompt

#endif  // METAPROMPT_MODEL_BATCH_H_
