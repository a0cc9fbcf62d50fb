#include "metaprompt/model/batch.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <utility>
#include <vector>

#include "metaprompt/model/to_device.h"

namespace metaprompt {
namespace {

at::Tensor Int64Tensor(absl::Span<const int64_t> values) {
  return at::tensor(at::ArrayRef<int64_t>(values.data(), values.size()), at::kLong);
}

}  // namespace

int64_t RowsOf(const Batch& batch) { return batch.repeats.defined() ? batch.repeats.size(0) : CountOf(batch.inputs); }

const TextInputs& TextsOf(const Batch& batch) {
  const auto* texts = std::get_if<TextInputs>(&batch.inputs);
  TORCH_CHECK(texts != nullptr, "TextsOf: the batch has no texts");
  return *texts;
}

const TextInputs& SequencesOf(const Batch& batch) {
  const auto* images = std::get_if<ImageInputs>(&batch.inputs);
  return images != nullptr ? images->tokens() : TextsOf(batch);
}

Batch SelectRows(const Batch& batch, absl::Span<const int64_t> rows) {
  TORCH_CHECK(batch.tasks == 1, "SelectRows: the batch must have one task; it has ", batch.tasks);
  const at::Tensor repeats = batch.repeats.defined() ? batch.repeats.cpu() : at::Tensor();
  std::vector<int64_t> which;  // inputs of `batch`, each once
  std::vector<int64_t> of_rows;
  for (const int64_t row : rows) {
    TORCH_CHECK(row >= 0 && row < RowsOf(batch), "SelectRows: row ", row, " of ", RowsOf(batch));
    const int64_t input = repeats.defined() ? repeats.data_ptr<int64_t>()[row] : row;
    const auto place = std::find(which.begin(), which.end(), input);
    of_rows.push_back(place - which.begin());
    if (place == which.end()) {
      which.push_back(input);
    }
  }
  Selection selection = Select(batch.inputs, which);
  const at::Device device = batch.labels.device();
  const at::Tensor numbers = ToDevice(Int64Tensor(rows), device);
  Batch selected;
  selected.ways = batch.ways;
  selected.seed = batch.seed;
  selected.dropout = batch.dropout;
  selected.inputs = std::move(selection.inputs);
  if (which.size() < rows.size()) {
    selected.repeats = ToDevice(Int64Tensor(of_rows), device);
  }
  selected.labels = batch.labels.index_select(0, numbers);
  if (batch.weights.defined()) {
    selected.weights = batch.weights.index_select(0, numbers);
  }
  if (batch.cached != nullptr) {
    selected.cached = batch.cached->Map([&](const at::Tensor& tensor, Cached::Rows of) {
      switch (of) {
        case Cached::Rows::kTokens:
          return at::embedding(tensor, selection.tokens);
        case Cached::Rows::kInputs:
          return at::embedding(tensor, selection.which);
        case Cached::Rows::kOutput:
          return at::embedding(tensor, numbers);
        case Cached::Rows::kShared:
          break;
      }
      return tensor;
    });
  }
  return selected;
}

Batch OnDevice(Batch batch, at::Device device) {
  if (device.is_cpu()) {
    return batch;
  }
  batch.inputs = OnDevice(batch.inputs, device);
  for (at::Tensor* tensor : {&batch.repeats, &batch.labels, &batch.weights}) {
    *tensor = ToDevice(*tensor, device);
  }
  if (batch.cached != nullptr) {
    batch.cached = batch.cached->Map([&](const at::Tensor& tensor, Cached::Rows) { return ToDevice(tensor, device); });
  }
  return batch;
}

Batch WithoutGraph(Batch batch) {
  if (batch.cached != nullptr) {
    batch.cached = batch.cached->Map([](const at::Tensor& tensor, Cached::Rows) { return tensor.detach(); });
  }
  return batch;
}

}  // namespace metaprompt
