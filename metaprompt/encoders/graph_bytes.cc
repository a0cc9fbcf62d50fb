#include "metaprompt/encoders/graph_bytes.h"

#include <ATen/ATen.h>

#include <algorithm>

namespace metaprompt {
namespace {

// The number of saved tensors with the feed-forward layer's width: what the activation saves, and the input of the
// product after it.
double ActivationTensors(Activation activation) {
  switch (activation) {
    case Activation::kRelu:  // saves its result, which is also the input of the product
      return 1;
    case Activation::kQuickGelu:  // computed in steps, which save x, the sigmoid and their product
      return 3;
    default:
      return 2;
  }
}

}  // namespace

double GraphBytes(const EncoderConfig& config, const TextInputs& packed, const GraphParts& parts) {
  const auto texts = static_cast<double>(packed.size());
  const auto longest = static_cast<double>(packed.longest());
  const auto tokens = static_cast<double>(packed.tokens());
  const auto width = static_cast<double>(config.width);
  const auto heads = static_cast<double>(config.heads);
  const auto inner = static_cast<double>(config.intermediate);
  const auto embedding = static_cast<double>(config.embedding_width);
  const double keys = longest + static_cast<double>(parts.prefix_length);  // per text
  const auto rank = static_cast<double>(parts.lora_rank);
  const auto full = static_cast<double>(parts.parameter_bytes);
  // Whether attention pads the texts, as Encoder::Attend decides.
  const bool padded = parts.bfloat16 || parts.prefix_length > 0 || config.relative_buckets > 0 || config.disentangled ||
                      !packed.ids().is_cpu();
  // The number of distance vectors that occur.
  const double distances =
      config.disentangled ? std::min(2 * longest - 1, 2 * static_cast<double>(config.disentangled->span())) : 0;
  double pairs = 0;  // pairs of tokens of the same text
  for (int64_t b = 0; b < packed.size(); ++b) {
    const auto length = static_cast<double>(packed.spans().data_ptr<int64_t>()[2 * b + 1]);
    pairs += length * length;
  }
  const double product = parts.bfloat16 ? 2 : full;  // bytes of each number in a product's inputs
  // In bfloat16, every product saves its own copies of its inputs, including the matrix. But dense layers on the CPU
  // (bfloat16_linear.h) save the inputs without a copy, as hidden states in float32.
  const bool no_copies = parts.bfloat16 && packed.ids().is_cpu();
  const double state = no_copies ? full : product;
  const auto inputs = [&](double dense, double lora) {
    return no_copies ? full + lora * product : (parts.bfloat16 ? dense + lora : 1) * product;
  };
  // A gate's product saves both of its factors.
  const double activations = ActivationTensors(config.activation) * product;
  const double inside = activations + (config.gated ? 2 * product : 0);

  // A root-mean-square norm consists of several operations, which save two tensors more than a layer norm.
  const double of_norm = config.rms_norm ? 2 * full : 0;

  double bytes = 0;
  if (parts.embeddings) {
    if (config.reads_images()) {  // the pixels of the patches and, in bfloat16, the copy of the matrix
      const auto pixels = static_cast<double>(config.channels * config.patch_size * config.patch_size);
      bytes += (texts * static_cast<double>(config.patches()) + (parts.bfloat16 ? width : 0)) * pixels * product;
    }
    bytes += config.embedding_norm ? tokens * embedding * full : 0;  // the norm's input
    if (config.embedding_width != config.width) {
      bytes += tokens * embedding * product;
    }
  }
  for (int64_t i = parts.first; i < parts.layers; ++i) {
    const bool at_slots = parts.slots_alone && i + 1 == parts.layers;
    const double rows = at_slots ? texts : tokens;  // of the queries and of everything after attention
    const double queries = at_slots ? 1 : longest;
    const double lora = rank > 0 ? 1 : 0;
    bytes += at_slots ? tokens * width * inputs(2, lora) + texts * width * inputs(1, lora)
                      : tokens * width * inputs(3, 2 * lora);  // x, the input of queries, keys and values
    bytes += (tokens + rows) * rank * product;                 // A x
    if (padded) {
      bytes += texts * (queries + 2 * keys) * width * product;                            // queries, keys, values
      bytes += texts * heads * queries * keys * (full + (parts.bfloat16 ? product : 0));  // softmax
    } else {
      bytes += (rows + 2 * tokens) * width * product;
      bytes += heads * (at_slots ? tokens : pairs) * full;
    }
    bytes += rows * (width * (product + state + 2 * full) + inner * inside);  // after attention, up to the last norm
    if (config.disentangled) {  // the products of distance vectors with a matrix, and the other factor of the scores
      bytes += config.disentangled->content_to_position ? (distances + texts * queries) * width * product : 0;
      bytes += config.disentangled->position_to_content ? (distances + texts * longest) * width * product : 0;
    }
    bytes += (tokens + rows) * width * of_norm;
    if (config.pre_norm && at_slots) {
      bytes += (tokens - rows) * width * full;  // the input of the norm before attention, of all tokens
    }
    if (parts.bfloat16 && !no_copies) {
      bytes += (4 * width * width + 2 * width * inner) * product;
    }
  }
  bytes += distances * width * full;
  if ((config.relative_buckets > 0 || config.disentangled) && parts.first < parts.layers) {
    bytes += longest * (longest + (parts.slots_alone ? texts : 0)) * sizeof(int64_t);  // indices of buckets
  }
  if (config.pre_norm && parts.first < parts.layers) {
    bytes += (parts.slots_alone ? texts : tokens) * width * (full + of_norm);  // the input of the last norm
  }
  if (parts.head_rows > 0) {
    bytes += static_cast<double>(parts.head_rows) * (width * state + embedding * (activations + product + full));
  }
  return bytes;
}

}  // namespace metaprompt
