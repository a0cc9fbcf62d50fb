#include "metaprompt/encoders/graph_bytes.h"

#include <ATen/ATen.h>

#include <algorithm>

namespace metaprompt {
namespace {

// Tensors of the feed-forward layer's width: what the activation saves, and the input of the product behind it.
double ActivationTensors(Activation activation) {
  switch (activation) {
    case Activation::kRelu:  // saves its result, which is that input
      return 1;
    case Activation::kQuickGelu:  // written out: x, the sigmoid, and their product
      return 3;
    default:
      return 2;
  }
}

}  // namespace

double GraphBytes(const EncoderConfig& config, const Batch& batch, const GraphParts& parts) {
  const auto texts = static_cast<double>(batch.size);
  const auto longest = static_cast<double>(batch.longest);
  const auto tokens = static_cast<double>(batch.token_ids.size(0));
  const auto width = static_cast<double>(config.width);
  const auto heads = static_cast<double>(config.heads);
  const auto inner = static_cast<double>(config.intermediate);
  const auto embedding = static_cast<double>(config.embedding_width);
  const double keys = longest + static_cast<double>(parts.prefix_length);  // of a text
  const auto rank = static_cast<double>(parts.lora_rank);
  const auto full = static_cast<double>(batch.attention_bias.element_size());
  // Attention goes text by text, or pads (Encoder::Attend).
  const bool padded =
      parts.bfloat16 || parts.prefix_length > 0 || config.relative_buckets > 0 || !batch.token_ids.is_cpu();
  double pairs = 0;  // of tokens of one text
  for (int64_t b = 0; b < batch.size; ++b) {
    const auto length = static_cast<double>(batch.spans.data_ptr<int64_t>()[2 * b + 1]);
    pairs += length * length;
  }
  const double product = parts.bfloat16 ? 2 : full;  // of a number that a product takes
  // In bfloat16 every product saves a copy of its own of what it takes, the matrix too.
  const auto inputs = [&](double products) { return (parts.bfloat16 ? products : 1) * product; };
  const double activations = ActivationTensors(config.activation) * product;

  const int64_t first = std::max(batch.lowered, 1) - 1;  // layer, from 0
  double bytes = 0;
  if (batch.lowered == 0) {
    bytes += tokens * embedding * full;  // the layer norm's input
    if (config.embedding_width != config.width) {
      bytes += tokens * embedding * product;
    }
  }
  for (int64_t i = first; i < parts.layers; ++i) {
    const bool at_masks = parts.masks_alone && i + 1 == parts.layers;
    const double rows = at_masks ? texts : tokens;  // that queries and all behind them have
    const double queries = at_masks ? 1 : longest;
    const double lora = rank > 0 ? 1 : 0;
    bytes += at_masks ? tokens * width * inputs(2 + lora) + texts * width * inputs(1 + lora)
                      : tokens * width * inputs(3 + 2 * lora);  // x, of queries, keys, values
    bytes += (tokens + rows) * rank * product;                  // A x
    if (padded) {
      bytes += texts * (queries + 2 * keys) * width * product;                            // queries, keys, values
      bytes += texts * heads * queries * keys * (full + (parts.bfloat16 ? product : 0));  // softmax
    } else {
      bytes += (rows + 2 * tokens) * width * product;
      bytes += heads * (at_masks ? tokens : pairs) * full;
    }
    bytes += rows * (width * (2 * product + 2 * full) + inner * activations);  // behind it, to the last norm
    if (parts.bfloat16) {
      bytes += (4 * width * width + 2 * width * inner) * product;
    }
  }
  if (config.relative_buckets > 0 && first < parts.layers) {
    bytes += longest * (longest + (parts.masks_alone ? texts : 0)) * sizeof(int64_t);  // which bucket
  }
  if (parts.with_head && batch.lowered <= parts.layers + 1) {
    bytes += static_cast<double>(RowsOf(batch)) * (width * product + embedding * (activations + product + full));
  }
  return bytes;
}

}  // namespace metaprompt
