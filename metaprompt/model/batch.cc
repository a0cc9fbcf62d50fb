#include "metaprompt/model/batch.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <limits>

namespace metaprompt {
namespace {

at::Tensor Int64Tensor(const std::vector<int64_t>& values) {
  return at::tensor(at::ArrayRef<int64_t>(values), at::kLong);
}

}  // namespace

int64_t RowsOf(const Batch& batch) { return batch.repeats.defined() ? batch.repeats.size(0) : batch.size; }

Batch PackBatch(absl::Span<const PromptedText> texts, absl::Span<const int64_t> labels, const Answers& answers,
                at::ScalarType dtype, absl::Span<const int64_t> repeats) {
  const size_t rows = repeats.empty() ? texts.size() : repeats.size();
  TORCH_CHECK(rows == labels.size(), "PackBatch: ", rows, " rows, ", labels.size(), " labels");
  Batch batch;
  batch.size = static_cast<int64_t>(texts.size());
  size_t tokens = 0;
  for (const PromptedText& text : texts) {
    batch.longest = std::max(batch.longest, static_cast<int64_t>(text.ids.size()));
    tokens += text.ids.size();
  }
  std::vector<int64_t> ids;
  std::vector<int64_t> positions;
  std::vector<int64_t> padded_from(texts.size() * static_cast<size_t>(batch.longest), -1);
  std::vector<int64_t> packed_from;
  std::vector<int64_t> mask_from;
  std::vector<int64_t> mask_to(tokens, -1);
  batch.spans = at::empty({batch.size, 2}, at::kLong);
  int64_t* const spans = batch.spans.data_ptr<int64_t>();
  ids.reserve(tokens);
  positions.reserve(tokens);
  packed_from.reserve(tokens);
  mask_from.reserve(texts.size());
  batch.attention_bias = at::full({batch.size, 1, 1, batch.longest}, -std::numeric_limits<double>::infinity(),
                                  at::TensorOptions().dtype(dtype));
  for (int64_t b = 0; b < batch.size; ++b) {
    const PromptedText& text = texts[static_cast<size_t>(b)];
    const auto length = static_cast<int64_t>(text.ids.size());
    const auto first = static_cast<int64_t>(ids.size());
    spans[2 * b] = first;
    spans[2 * b + 1] = length;
    mask_from.push_back(first + text.mask);
    mask_to[static_cast<size_t>(first + text.mask)] = b;
    int64_t position = 0;
    for (int64_t t = 0; t < length; ++t) {
      padded_from[static_cast<size_t>(b * batch.longest + t)] = first + t;
      packed_from.push_back(b * batch.longest + t);
      positions.push_back(text.ids[static_cast<size_t>(t)] == text.uncounted ? -1 : position++);
    }
    ids.insert(ids.end(), text.ids.begin(), text.ids.end());
    batch.attention_bias.select(0, b).narrow(-1, 0, length).zero_();
  }
  batch.token_ids = Int64Tensor(ids);
  batch.positions = Int64Tensor(positions);
  batch.padded_from = Int64Tensor(padded_from);
  batch.packed_from = Int64Tensor(packed_from);
  batch.mask_from = Int64Tensor(mask_from);
  batch.mask_to = Int64Tensor(mask_to);
  if (!repeats.empty()) {
    for (const int64_t text : repeats) {
      TORCH_CHECK(text >= 0 && text < batch.size, "PackBatch: a row of text ", text, " of ", batch.size);
    }
    batch.repeats = at::tensor(at::ArrayRef<int64_t>(repeats.data(), repeats.size()), at::kLong);
  }
  batch.labels = at::tensor(at::ArrayRef<int64_t>(labels.data(), labels.size()), at::kLong);
  batch.answers = answers;
  return batch;
}

Batch SelectTexts(const Batch& batch, absl::Span<const int64_t> rows) {
  TORCH_CHECK(batch.tasks == 1, "SelectTexts: of ", batch.tasks, " tasks");
  TORCH_CHECK(batch.lower.size() == batch.lower_rows.size(), "SelectTexts: ", batch.lower.size(),
              " tensors of lower layers, of which ", batch.lower_rows.size(), " say what their rows are");
  const at::Device device = batch.token_ids.device();
  const at::Tensor masks = batch.mask_from.cpu();
  const at::Tensor repeats = batch.repeats.defined() ? batch.repeats.cpu() : at::Tensor();
  std::vector<int64_t> texts;  // of `batch`, each once
  std::vector<int64_t> of_rows;
  for (const int64_t row : rows) {
    TORCH_CHECK(row >= 0 && row < RowsOf(batch), "SelectTexts: row ", row, " of ", RowsOf(batch));
    const int64_t text = repeats.defined() ? repeats.data_ptr<int64_t>()[row] : row;
    const auto place = std::find(texts.begin(), texts.end(), text);
    of_rows.push_back(place - texts.begin());
    if (place == texts.end()) {
      texts.push_back(text);
    }
  }
  Batch selected;
  selected.size = static_cast<int64_t>(texts.size());
  std::vector<int64_t> first;  // of each text's tokens in `batch`
  std::vector<int64_t> lengths;
  for (const int64_t text : texts) {
    const int64_t* const span = batch.spans.data_ptr<int64_t>() + 2 * text;
    first.push_back(span[0]);
    lengths.push_back(span[1]);
    selected.longest = std::max(selected.longest, lengths.back());
  }
  selected.spans = at::empty({selected.size, 2}, at::kLong);
  int64_t* const spans = selected.spans.data_ptr<int64_t>();
  std::vector<int64_t> tokens;  // of `batch`
  std::vector<int64_t> padded_from(texts.size() * static_cast<size_t>(selected.longest), -1);
  std::vector<int64_t> packed_from;
  std::vector<int64_t> mask_from;
  for (size_t b = 0; b < texts.size(); ++b) {
    const auto begin = static_cast<int64_t>(tokens.size());
    spans[2 * b] = begin;
    spans[2 * b + 1] = lengths[b];
    mask_from.push_back(begin + masks.data_ptr<int64_t>()[texts[b]] - first[b]);
    for (int64_t t = 0; t < lengths[b]; ++t) {
      const int64_t place = static_cast<int64_t>(b) * selected.longest + t;
      padded_from[static_cast<size_t>(place)] = begin + t;
      packed_from.push_back(place);
      tokens.push_back(first[b] + t);
    }
  }
  std::vector<int64_t> mask_to(tokens.size(), -1);
  for (size_t b = 0; b < texts.size(); ++b) {
    mask_to[static_cast<size_t>(mask_from[b])] = static_cast<int64_t>(b);
  }
  const auto there = [&](const std::vector<int64_t>& values) { return Int64Tensor(values).to(device); };
  const at::Tensor from = there(tokens);
  const at::Tensor from_texts = there(texts);
  const at::Tensor from_rows = there({rows.begin(), rows.end()});
  selected.token_ids = batch.token_ids.index_select(0, from);
  selected.positions = batch.positions.index_select(0, from);
  selected.padded_from = there(padded_from);
  selected.packed_from = there(packed_from);
  selected.mask_from = there(mask_from);
  selected.mask_to = there(mask_to);
  selected.attention_bias = batch.attention_bias.narrow(-1, 0, selected.longest).index_select(0, from_texts);
  if (texts.size() < rows.size()) {
    selected.repeats = there(of_rows);
  }
  selected.labels = batch.labels.index_select(0, from_rows);
  selected.answers = batch.answers;
  selected.lowered = batch.lowered;
  selected.lower_rows = batch.lower_rows;
  for (size_t i = 0; i < batch.lower.size(); ++i) {
    const at::Tensor& of = batch.lower[i];
    switch (batch.lower_rows[i]) {
      case LowerRow::kToken:
        selected.lower.push_back(at::embedding(of, from));
        break;
      case LowerRow::kText:
        selected.lower.push_back(at::embedding(of, from_texts));
        break;
      case LowerRow::kRow:
        selected.lower.push_back(at::embedding(of, from_rows));
        break;
      case LowerRow::kOther:
        selected.lower.push_back(of);
        break;
    }
  }
  return selected;
}

Batch OnDevice(Batch batch, at::Device device) {
  if (device.is_cpu()) {
    return batch;
  }
  for (at::Tensor* tensor :
       {&batch.token_ids, &batch.positions, &batch.padded_from, &batch.packed_from, &batch.mask_from, &batch.mask_to,
        &batch.attention_bias, &batch.repeats, &batch.labels, &batch.answers.ids, &batch.answers.weights}) {
    if (tensor->defined()) {
      *tensor = tensor->to(device);
    }
  }
  for (at::Tensor& tensor : batch.lower) {
    tensor = tensor.to(device);
  }
  return batch;
}

}  // namespace metaprompt
