// How much memory the graph of an encoder's forward pass keeps.
#ifndef METAPROMPT_ENCODERS_GRAPH_BYTES_H_
#define METAPROMPT_ENCODERS_GRAPH_BYTES_H_

#include <cstdint>

#include "metaprompt/encoders/encoder_config.h"
#include "metaprompt/model/text_inputs.h"

namespace metaprompt {

// What of the encoder is computed.
struct GraphParts {
  int64_t layers = 0;       // layers first, ..., layers - 1, as they are applied: ALBERT applies more than it has
  int64_t first = 0;        // parameters for
  bool embeddings = true;   // the embeddings are computed too
  bool slots_alone = true;  // the last layer at the tokens to read alone
  int64_t head_rows = 0;    // rows that go through the head; 0: no head
  int64_t lora_rank = 0;    // 0: none
  int64_t prefix_length = 0;
  bool bfloat16 = false;
  int64_t parameter_bytes = 4;  // of a number
};

// Bytes of the tensors that autograd saves in one pass, every parameter wanted, beyond the parameters and the batch:
// inputs of products, queries, keys and values (padded, where they are), what softmax gives, and what activations and
// layer norms take. From the shapes alone.
// tests/model/graph_bytes_test.cc compares it with what malloc holds while the graph lives (float32 and bfloat16, 64 to
// 192 wide, 2 to 4 layers): within 4 % there. With the graph of the gradient beside it (create_graph) 2.2 to 2.9 times
// as much was held.
double GraphBytes(const EncoderConfig& config, const TextInputs& texts, const GraphParts& parts);

}  // namespace metaprompt

#endif  // METAPROMPT_ENCODERS_GRAPH_BYTES_H_
