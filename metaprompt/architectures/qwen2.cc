// Qwen2 (Yang et al. 2024): Llama with biases on queries, keys and values, and another tokenizer.
#include "metaprompt/architectures/architectures.h"
#include "metaprompt/architectures/llama_fields.h"

namespace metaprompt::architectures {

Architecture Qwen2() {
  Architecture qwen2 = Llama();
  qwen2.model_type = "qwen2";
  qwen2.class_prefix = "Qwen2";
  qwen2.read_more = ReadLlamaFields;
  qwen2.write_more = WriteLlamaFields;
  qwen2.tokenizer_class = "Qwen2Tokenizer";
  qwen2.tokenizer = TokenizerKind::kQwen2ByteBpe;
  qwen2.refused_options = {"use_sliding_window"};

  qwen2.defaults.vocab_size = 151936;
  qwen2.defaults.intermediate = 22016;
  qwen2.defaults.key_heads = 32;
  qwen2.defaults.max_positions = 32768;
  qwen2.defaults.attention_bias = true;
  return qwen2;
}

}  // namespace metaprompt::architectures
