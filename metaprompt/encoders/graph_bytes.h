// How much memory the graph of an encoder's forward pass keeps.
#ifndef METAPROMPT_ENCODERS_GRAPH_BYTES_H_
#define METAPROMPT_ENCODERS_GRAPH_BYTES_H_

#include <cstdint>

#include "metaprompt/encoders/encoder_config.h"
#include "metaprompt/model/batch.h"

namespace metaprompt {

// What of the encoder is computed.
struct GraphParts {
  int64_t layers = 0;  // as they are applied: ALBERT's are more than its parameters have
  bool masks_alone = true;
  bool with_head = true;
  int64_t lora_rank = 0;  // 0: none
  int64_t prefix_length = 0;
  bool bfloat16 = false;
};

// Bytes of the tensors that autograd saves in one pass, every parameter wanted, beyond the parameters and the batch:
// inputs of products, queries, keys and values (padded, where they are), what softmax gives, and what activations and
// layer norms take. From the shapes alone; batch.lowered = i says that layer i is the first (see PromptModel).
// tests/model/lowered_test.cc compares it with what malloc holds while the graph lives (float32 and bfloat16, 64 to 192
// wide, 2 to 4 layers): within 4 % there. With the graph of the gradient beside it (create_graph) 2.2 to 2.9 times as
// much was held.
double GraphBytes(const EncoderConfig& config, const Batch& batch, const GraphParts& parts);

}  // namespace metaprompt

#endif  // METAPROMPT_ENCODERS_GRAPH_BYTES_H_
