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

// The bytes of what each operation saves.
struct SavedBytes {
  SavedBytes(const EncoderConfig& config, const TextInputs& texts, const GraphParts& parts)
      : full(static_cast<double>(parts.parameter_bytes)),
        bfloat16(parts.bfloat16),
        product(bfloat16 ? 2 : full),
        no_copies(bfloat16 && texts.ids().is_cpu()),
        state(no_copies ? full : product),
        activations(ActivationTensors(config.activation) * product),
        inside(activations + (config.gated ? 2 * product : 0)),
        of_norm(config.rms_norm ? 2 * full : 0) {}

  // Of each number in the inputs of products with `dense` matrices, and of low-rank updates of `lora` of them.
  double Inputs(double dense, double lora) const {
    return no_copies ? full + lora * product : (bfloat16 ? dense + lora : 1) * product;
  }

  double full;  // of each number in the parameters' type
  bool bfloat16;
  double product;  // of each number in a product's inputs
  // In bfloat16, every product saves its own copies of its inputs, including the matrix. But dense layers on the CPU
  // (bfloat16_linear.h) save the inputs without a copy, as hidden states in float32.
  bool no_copies;
  double state;
  double activations;  // of each number inside a feed-forward layer or head
  double inside;       // the same with a gate, whose product saves both of its factors
  double of_norm;      // a root-mean-square norm consists of several operations, which save two tensors more
};

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
  const SavedBytes saved(config, packed, parts);
  const double full = saved.full;
  const double product = saved.product;
  const auto attended = static_cast<double>(config.attended());
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
    bytes += at_slots ? tokens * width * saved.Inputs(2, lora) + texts * width * saved.Inputs(1, lora)
                      : tokens * width * saved.Inputs(3, 2 * lora);  // x, the input of queries, keys and values
    bytes += (tokens + rows) * rank * product;                       // A x
    if (padded) {
      bytes += texts * (queries + 2 * keys) * attended * product;                         // queries, keys, values
      bytes += texts * heads * queries * keys * (full + (parts.bfloat16 ? product : 0));  // softmax
    } else {
      bytes += (rows + 2 * tokens) * attended * product;
      bytes += heads * (at_slots ? tokens : pairs) * full;
    }
    // After attention, up to the last norm.
    bytes += rows * (attended * product + width * (saved.state + 2 * full) + inner * saved.inside);
    if (config.disentangled) {  // the products of distance vectors with a matrix, and the other factor of the scores
      bytes += config.disentangled->content_to_position ? (distances + texts * queries) * width * product : 0;
      bytes += config.disentangled->position_to_content ? (distances + texts * longest) * width * product : 0;
    }
    bytes += (tokens + rows) * width * saved.of_norm;
    if (config.pre_norm && at_slots) {
      bytes += (tokens - rows) * width * full;  // the input of the norm before attention, of all tokens
    }
    if (parts.bfloat16 && !saved.no_copies) {
      bytes += (4 * width * width + 2 * width * inner) * product;
    }
  }
  bytes += distances * width * full;
  if ((config.relative_buckets > 0 || config.disentangled) && parts.first < parts.layers) {
    bytes += longest * (longest + (parts.slots_alone ? texts : 0)) * sizeof(int64_t);  // indices of buckets
  }
  if (config.pre_norm && parts.first < parts.layers) {
    bytes += (parts.slots_alone ? texts : tokens) * width * (full + saved.of_norm);  // the input of the last norm
  }
  if (parts.head_rows > 0) {
    bytes +=
        static_cast<double>(parts.head_rows) * (width * saved.state + embedding * (saved.activations + product + full));
  }
  return bytes;
}

double DecoderGraphBytes(const EncoderConfig& config, const TextInputs& packed, const TextInputs& decoded,
                         const GraphParts& parts) {
  if (parts.first >= parts.layers) {
    return 0;
  }
  const SavedBytes saved(config, packed, parts);
  const auto width = static_cast<double>(config.width);
  const auto attended = static_cast<double>(config.attended());
  const auto heads = static_cast<double>(config.heads);
  const auto rank = static_cast<double>(parts.lora_rank);
  const double lora = rank > 0 ? 1 : 0;
  const auto prefix = static_cast<double>(parts.prefix_length);
  const auto tokens = static_cast<double>(decoded.tokens());
  const auto texts = static_cast<double>(packed.size());
  const auto encoded = static_cast<double>(packed.tokens());
  const auto longest = static_cast<double>(decoded.longest());
  const double queries = static_cast<double>(decoded.size()) * longest;
  const double own_keys = longest + prefix;                                 // per sequence
  const double text_keys = static_cast<double>(packed.longest()) + prefix;  // per text
  const double softmax = saved.full + (parts.bfloat16 ? saved.product : 0);

  double bytes = tokens * width * saved.Inputs(3, 2 * lora);  // the input of queries, keys and values,
  bytes += tokens * width * saved.Inputs(1, lora);            // and of the queries to the encoder's states
  bytes += (3 * tokens + encoded) * rank * saved.product;     // A x
  bytes += (queries + 2 * static_cast<double>(decoded.size()) * own_keys) * attended * saved.product;
  bytes += (queries + 2 * texts * text_keys) * attended * saved.product;
  bytes += heads * queries * (own_keys + text_keys) * softmax;
  bytes += tokens * (2 * attended * saved.product + width * saved.state);  // the inputs of later products
  bytes += tokens * static_cast<double>(config.intermediate) * saved.inside;
  bytes += 3 * tokens * width * (saved.full + saved.of_norm);
  if (parts.bfloat16) {  // copies of the encoder's states, and those of matrices
    bytes += saved.no_copies ? 0 : encoded * width * saved.Inputs(2, lora);
    bytes += saved.no_copies
                 ? 0
                 : (8 * attended * width + 2 * width * static_cast<double>(config.intermediate)) * saved.product;
  }
  bytes *= static_cast<double>(parts.layers - parts.first);
  bytes += encoded * width * saved.full;                   // the encoder's states,
  bytes += tokens * width * (saved.full + saved.of_norm);  // and the input of the last norm
  return bytes + longest * longest * sizeof(int64_t);      // indices of buckets
}

}  // namespace metaprompt
