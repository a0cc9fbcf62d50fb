#include "metaprompt/model/text_inputs.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <utility>
#include <vector>

#include "metaprompt/model/to_device.h"

namespace metaprompt {
namespace {

at::Tensor Int64Tensor(const std::vector<int64_t>& values) {
  return at::tensor(at::ArrayRef<int64_t>(values), at::kLong);
}

std::shared_ptr<const Packing> PackingOf(const at::Tensor& ids, const at::Tensor& spans, const at::Tensor& read_at,
                                         int64_t uncounted) {
  auto packing = std::make_shared<Packing>();
  const int64_t texts = spans.size(0);
  const int64_t tokens = ids.size(0);
  const int64_t* const span = spans.data_ptr<int64_t>();
  const int64_t* const place = read_at.data_ptr<int64_t>();
  for (int64_t b = 0; b < texts; ++b) {
    packing->longest = std::max(packing->longest, span[2 * b + 1]);
  }
  const int64_t longest = packing->longest;
  std::vector<int64_t> positions(static_cast<size_t>(tokens));
  std::vector<int64_t> padded_from(static_cast<size_t>(texts * longest), -1);
  std::vector<int64_t> packed_from(static_cast<size_t>(tokens));
  std::vector<int64_t> read_from(static_cast<size_t>(texts));
  std::vector<int64_t> read_to(static_cast<size_t>(tokens), -1);
  at::Tensor bias =
      at::full({texts, 1, 1, longest}, -std::numeric_limits<double>::infinity(), at::TensorOptions().dtype(at::kFloat));
  for (int64_t b = 0; b < texts; ++b) {
    const int64_t first = span[2 * b];
    const int64_t length = span[2 * b + 1];
    read_from[static_cast<size_t>(b)] = first + place[b];
    read_to[static_cast<size_t>(first + place[b])] = b;
    for (int64_t t = 0; t < length; ++t) {
      positions[static_cast<size_t>(first + t)] = t;
      padded_from[static_cast<size_t>(b * longest + t)] = first + t;
      packed_from[static_cast<size_t>(first + t)] = b * longest + t;
    }
    std::fill_n(bias.data_ptr<float>() + b * longest, length, 0.0F);
  }
  if (uncounted != TextInputs::kNoToken) {
    const at::Tensor on_cpu = ids.cpu();
    const int64_t* const id = on_cpu.data_ptr<int64_t>();
    for (int64_t b = 0; b < texts; ++b) {
      int64_t position = 0;
      for (int64_t n = span[2 * b]; n < span[2 * b] + span[2 * b + 1]; ++n) {
        positions[static_cast<size_t>(n)] = id[n] == uncounted ? -1 : position++;
      }
    }
  }
  const auto on_device = [&](const at::Tensor& x) { return ToDevice(x, ids.device()); };
  packing->positions = on_device(Int64Tensor(positions));
  packing->padded_from = on_device(Int64Tensor(padded_from));
  packing->packed_from = on_device(Int64Tensor(packed_from));
  packing->read_from = on_device(Int64Tensor(read_from));
  packing->read_to = on_device(Int64Tensor(read_to));
  packing->attention_bias = on_device(bias);
  packing->is_soft = ids.lt(0);
  return packing;
}

}  // namespace

TextInputs::TextInputs() : data_(std::make_shared<const Data>()) {}

TextInputs::TextInputs(at::Tensor ids, at::Tensor spans, at::Tensor read_at, Answers answers, int64_t uncounted) {
  std::shared_ptr<const Packing> packing = PackingOf(ids, spans, read_at, uncounted);
  data_ = std::make_shared<const Data>(
      Data{std::move(ids), std::move(spans), std::move(read_at), std::move(answers), uncounted, std::move(packing)});
}

TextInputs TextInputs::WithAnswers(Answers answers) const {
  Data data = *data_;
  data.answers = std::move(answers);
  TextInputs texts;
  texts.data_ = std::make_shared<const Data>(std::move(data));
  return texts;
}

at::Tensor TokensOf(const TextInputs& texts, absl::Span<const int64_t> which) {
  std::vector<int64_t> tokens;
  for (const int64_t text : which) {
    const int64_t* const span = texts.spans().data_ptr<int64_t>() + 2 * text;
    for (int64_t t = 0; t < span[1]; ++t) {
      tokens.push_back(span[0] + t);
    }
  }
  return Int64Tensor(tokens);
}

TextInputs Select(const TextInputs& texts, absl::Span<const int64_t> which, const at::Tensor& tokens) {
  const auto count = static_cast<int64_t>(which.size());
  at::Tensor spans = at::empty({count, 2}, at::kLong);
  at::Tensor read_at = at::empty({count}, at::kLong);
  int64_t first = 0;
  for (int64_t b = 0; b < count; ++b) {
    const int64_t text = which[static_cast<size_t>(b)];
    const int64_t length = texts.spans().data_ptr<int64_t>()[2 * text + 1];
    spans.data_ptr<int64_t>()[2 * b] = first;
    spans.data_ptr<int64_t>()[2 * b + 1] = length;
    read_at.data_ptr<int64_t>()[b] = texts.read_at().data_ptr<int64_t>()[text];
    first += length;
  }
  return {texts.ids().index_select(0, ToDevice(tokens, texts.ids().device())), spans, read_at, texts.answers(),
          texts.uncounted()};
}

TextInputs OnDevice(const TextInputs& texts, at::Device device) {
  if (!texts.ids().defined()) {
    return texts;
  }
  Answers answers = texts.answers();
  for (at::Tensor* tensor : {&answers.ids, &answers.weights, &answers.separator, &answers.context, &answers.start}) {
    *tensor = ToDevice(*tensor, device);
  }
  return {ToDevice(texts.ids(), device), texts.spans(), texts.read_at(), std::move(answers), texts.uncounted()};
}

}  // namespace metaprompt
