// An estimate of the memory that the autograd graph of an encoder's forward pass takes.
#ifndef METAPROMPT_ENCODERS_GRAPH_BYTES_H_
#define METAPROMPT_ENCODERS_GRAPH_BYTES_H_

#include <cstdint>

#include "metaprompt/architectures/encoder_config.h"
#include "metaprompt/model/text_inputs.h"

namespace metaprompt {

// Which parts of an encoder are computed, and how.
struct GraphParts {
  int64_t layers = 0;  // layers `first`, ..., `layers` - 1 are computed, in the order of application
  int64_t first = 0;
  bool embeddings = true;   // whether the embeddings are computed too
  bool slots_alone = true;  // whether the last layer is computed only at the tokens to read
  int64_t head_rows = 0;    // number of rows that pass through the head; 0: no head
  int64_t lora_rank = 0;    // 0: no low-rank updates
  int64_t prefix_length = 0;
  bool bfloat16 = false;
  int64_t parameter_bytes = 4;  // bytes of each number in the parameters
};

// The bytes of the tensors that autograd saves in one forward pass if all parameters require a gradient, without the
// parameters and the batch. These are the inputs of products; queries, keys and values (padded if texts are padded);
// the results of softmax; and what activations and layer norms save. The estimate depends only on shapes.
// tests/model/graph_bytes_test.cc compares it with the memory that is allocated by malloc while the graph exists
// (float32 and bfloat16, widths of 64 to 192, 2 to 4 layers): they agree within 4 %. With the graph of the gradient
// (create_graph), the memory was 2.2 to 2.9 times as much.
double GraphBytes(const EncoderConfig& config, const TextInputs& texts, const GraphParts& parts);

// The same for a decoder (decoder.h), with its sequences `decoded` and its layers in place of the encoder's. Embeddings
// and head have no effect. 0 if there is no layer.
double DecoderGraphBytes(const EncoderConfig& config, const TextInputs& texts, const TextInputs& decoded,
                         const GraphParts& parts);

}  // namespace metaprompt

#endif  // METAPROMPT_ENCODERS_GRAPH_BYTES_H_
