// A batch is the argument of one call of a model: the inputs of one or several tasks, with their labels.
#ifndef METAPROMPT_MODEL_BATCH_H_
#define METAPROMPT_MODEL_BATCH_H_

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <functional>
#include <memory>

#include "absl/types/span.h"
#include "metaprompt/model/inputs.h"

namespace metaprompt {

// Intermediate results that a model has already computed for a batch: see Model::CacheBelow. Each model that caches
// something derives its own class.
class Cached {
 public:
  // What a row of a tensor (an index of its first dimension) corresponds to.
  enum class Rows {
    kTokens,  // a token of the texts
    kInputs,  // an input
    kOutput,  // a row of the model's output
    kShared,  // nothing: the whole batch shares the tensor
  };

  virtual ~Cached() = default;

  // A copy in which function(tensor, rows) replaces each tensor. The order of the calls is always the same. Every
  // tensor is computed from the model's parameters.
  virtual std::shared_ptr<const Cached> Map(
      const std::function<at::Tensor(const at::Tensor&, Rows)>& function) const = 0;
};

// M tasks, one after another. All have the same number of inputs, rows and classes. A row is one prediction of the
// model: it belongs to one input and has one label. If several rows share an input, the input is computed once.
struct Batch {
  int64_t tasks = 1;   // M
  int64_t ways = 0;    // classes per task; 0: the labels are not classes
  Inputs inputs;       // B inputs, in all tasks together
  at::Tensor repeats;  // [R] int64: row r belongs to input repeats[r]; undefined: to input r, and R = B
  at::Tensor labels;   // [R] int64 in [0, ways); for points, the target values
  at::Tensor weights;  // [R]: the loss is Σ_r weights[r] times the loss of row r; undefined: 1 / (R / M) each
  std::shared_ptr<const Cached> cached;  // null: nothing has been computed yet
  uint64_t seed = 0;                     // for everything random in computations with the batch: mini-batches, dropout
  bool dropout = false;  // whether the model applies its dropout (ModelSpec.dropout); the masks follow from `seed`
};

// The number of rows, R.
int64_t RowsOf(const Batch& batch);

// The batch's texts. The batch must have texts (TORCH_CHECK).
const TextInputs& TextsOf(const Batch& batch);

// The token sequences that an encoder sees: the batch's texts, or those of its images (ImageInputs::tokens). The batch
// must have texts or images (TORCH_CHECK).
const TextInputs& SequencesOf(const Batch& batch);

// A batch with the rows numbered `rows`, in that order. The original must have one task; each number must be in [0,
// RowsOf(batch)). If several of the rows share an input, the new batch contains it once, and `repeats` refers to it.
// `cached` is selected in the same way.
Batch SelectRows(const Batch& batch, absl::Span<const int64_t> rows);

// The same batch in the device's memory. If the device is the CPU, returns the batch unchanged.
Batch OnDevice(Batch batch, at::Device device);

// The same batch, with `cached` detached: no gradient passes through it.
Batch WithoutGraph(Batch batch);

}  // namespace metaprompt

#endif  // METAPROMPT_MODEL_BATCH_H_
