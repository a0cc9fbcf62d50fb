// ELECTRA (Clark et al. 2020): BERT with embeddings that may be narrower than the layers. The generator has an MLM
// head. The discriminator, which is usually fine-tuned, has no head that predicts words.
#include "metaprompt/architectures/architectures.h"

namespace metaprompt::architectures {

Architecture Electra() {
  Architecture electra;
  electra.model_type = "electra";
  electra.class_prefix = "Electra";
  electra.tokenizer_class = "ElectraTokenizer";
  electra.embedding_map = EmbeddingMap::kWhereWidthsDiffer;
  electra.head_activation = Activation::kGelu;
  electra.unused = {"discriminator_predictions."};

  electra.defaults.embedding_width = 128;
  electra.defaults.width = 256;
  electra.defaults.heads = 4;
  electra.defaults.intermediate = 1024;
  electra.fields.embedding_width = "embedding_size";

  electra.tensors.base = "electra.";
  electra.tensors.embedding_map = "embeddings_project";
  electra.tensors.transform = "generator_predictions.dense";
  electra.tensors.transform_norm = "generator_predictions.LayerNorm";
  electra.tensors.decoder = "generator_lm_head.weight";
  electra.tensors.decoder_bias = "generator_lm_head.bias";
  return electra;
}

}  // namespace metaprompt::architectures
