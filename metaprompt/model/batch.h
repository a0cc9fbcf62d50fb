// What a model computes at once: the inputs of one task or of several, with their labels.
#ifndef METAPROMPT_MODEL_BATCH_H_
#define METAPROMPT_MODEL_BATCH_H_

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <functional>
#include <memory>

#include "absl/types/span.h"
#include "metaprompt/model/inputs.h"

namespace metaprompt {

// What a model has computed of a batch already: see Model::CacheBelow. Each model that caches has a type of its own.
class Cached {
 public:
  // What a row of a tensor belongs to.
  enum class Rows {
    kTokens,  // a token of the texts
    kInputs,  // an input
    kOutput,  // a row of the model's output
    kShared,  // nothing in particular: the tensor is of the whole batch
  };

  virtual ~Cached() = default;

  // The same value with each of its tensors replaced by `function` of it, in an order that is always the same. The
  // tensors are functions of the parameters.
  virtual std::shared_ptr<const Cached> Map(
      const std::function<at::Tensor(const at::Tensor&, Rows)>& function) const = 0;
};

// M tasks with as many inputs, rows and classes each, task by task. Row r is what the model makes of one input, and
// has a label.
struct Batch {
  int64_t tasks = 1;  // M
  int64_t ways = 0;   // classes per task; 0: labels are no classes
  Inputs inputs;      // B
  at::Tensor
      repeats;        // [R] int64: the input that row r is of, computed once however many rows it has; undefined: R = B
  at::Tensor labels;  // [R] int64 in [0, ways); of points, the numbers to fit
  std::shared_ptr<const Cached> cached;  // null: nothing is computed yet
};

// R.
int64_t RowsOf(const Batch& batch);

// The batch's texts. The batch must be one of texts.
const TextInputs& TextsOf(const Batch& batch);

// The rows of those numbers, in that order, as a batch. An input of several of the rows is there once, and `repeats`
// refers to it. 0 <= number < RowsOf(batch); one task. What is cached is selected likewise.
Batch SelectRows(const Batch& batch, absl::Span<const int64_t> rows);

// The same batch in a device's memory; on the CPU, the batch itself.
Batch OnDevice(Batch batch, at::Device device);

// The same batch; no derivative passes through what is cached.
Batch WithoutGraph(Batch batch);

}  // namespace metaprompt

#endif  // METAPROMPT_MODEL_BATCH_H_
