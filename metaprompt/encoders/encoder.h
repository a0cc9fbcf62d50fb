// Encoder: a transformer encoder, with or without a head that predicts words, as a pure function of a list of
// parameters. It computes BERT (Devlin et al. 2019) and its relatives, causal models and image encoders.
// architectures.inc lists them.
#ifndef METAPROMPT_ENCODERS_ENCODER_H_
#define METAPROMPT_ENCODERS_ENCODER_H_

#include <vector>

#include "metaprompt/architectures/encoder_config.h"
#include "metaprompt/encoders/disentangled.h"
#include "metaprompt/encoders/layer_parts.h"
#include "metaprompt/encoders/layout.h"
#include "metaprompt/model/image_inputs.h"
#include "metaprompt/model/params.h"
#include "metaprompt/model/text_inputs.h"
#include "metaprompt/operations/dropout.h"
#include "metaprompt/operations/reach.h"
#include "metaprompt/operations/rotary.h"

namespace metaprompt {

// An intermediate state of the computation of a batch.
struct EncoderState {
  // The next layer to compute, from 0, in the order in which layers are applied. A decoder's layers follow the
  // encoder's.
  size_t next = 0;
  at::Tensor states;         // [N, D]: the encoder's hidden states before that layer, or its last ones
  at::Tensor relative_bias;  // [buckets, heads], for all layers; undefined if the architecture has none
  at::Tensor distances;  // [2 span, D], for all layers: the distance vectors of disentangled attention, or undefined
  // Set by Advanced if there is a decoder: the states of its first S tokens (Answers::start) before layer `next`, or
  // before its first layer, with a row per text; and the bias of its layers. Undefined: computed from the parameters.
  at::Tensor decoder_states = {};  // [B, S D]
  at::Tensor decoder_bias = {};    // [buckets, heads]
};

// All architectures are computed by the same functions, with different options (EncoderConfig):
// - The inputs are texts, or images (ViT).
// - Token types and positions are added to a token's vector; positions may begin at another row (RoBERTa).
// - MPNet adds to the attention scores a bias that depends on the distance between two tokens.
// - ALBERT has a dense layer after the embeddings, and layers that share parameters.
// - ModernBERT has rotary positions, local attention, gated feed-forward layers, and norms before each half of a layer
//   instead of after it.
// - DeBERTa has disentangled attention.
// - In causal models, tokens attend only to themselves and to earlier tokens (GPT-2). Norms may be root-mean-square
//   norms, and several heads of queries may share keys and values (Llama, Qwen2).
// - T5 has a decoder (decoder.h), in which answers are read, and no scale in its attention.
// Architectures also have different names for parameters.
class Encoder {
 public:
  // If with_head is false, Transformed returns the hidden states unchanged.
  Encoder(const EncoderConfig& config, bool with_head);

  const EncoderConfig& config() const { return config_; }
  const EncoderLayout& layout() const { return layout_; }
  const std::vector<ParamInfo>& params() const { return layout_.params; }

  // The maximum length of an input in tokens.
  int64_t max_tokens() const { return config_.max_positions - config_.position_offset; }

  // Adds low-rank updates to the query and value matrices W, which become W + alpha / rank B A. The functions below
  // then expect A and B in their parameter lists, from index `first` on. Returns the infos of these parameters (see
  // layout.h).
  std::vector<ParamInfo> AddLora(int64_t rank, double alpha, size_t first);

  // Adds a prefix of `length` keys and values to every layer. The functions below then expect them in their parameter
  // lists, from index `first` on: [length, D], or [M, length, D] for M tasks. Returns the infos of these parameters
  // (see layout.h). Prefixes have no position, so a relative bias is 0 for them.
  std::vector<ParamInfo> AddPrefixes(int64_t length, size_t first);

  // The encoder's own parameters, with the low-rank updates added to their matrices.
  ParamList Folded(const ParamList& params) const;

  // The embeddings of the texts: the state before layer 0. `soft` are the soft vectors, [S, E], or [M, S, E] for M
  // tasks with equally many texts. Undefined: the texts have none. They take the place of word vectors, before
  // positions are added and the layer norm is applied.
  //
  // Here and below, `dropout` has the rates and the seed of dropout. It is applied where the architecture has dropout.
  // If all functions of a forward pass get the same seed, they drop the same elements as in a single call for all
  // layers.
  EncoderState Embedded(const ParamList& params, const at::Tensor& soft, const TextInputs& texts,
                        const Dropout& dropout = {}) const;

  // The same for images: the class token, the soft vectors and the patches. Positions are added to class token and
  // patches, but not to soft vectors (Jia et al. 2022). Pass images.tokens() as `texts` to the functions below.
  EncoderState Embedded(const ParamList& params, const at::Tensor& soft, const ImageInputs& images,
                        const Dropout& dropout = {}) const;

  // The state before layer `next`, computed from an earlier state. Takes 12 D² multiplications per token and layer (if
  // intermediate = 4 D), and 2 T D more for attention.
  EncoderState Advanced(const ParamList& params, const TextInputs& texts, const EncoderState& from, size_t next,
                        const Dropout& dropout = {}) const;

  // The last hidden states of all tokens, [N, D], in the order of the texts' ids: those of the encoder if there is a
  // decoder.
  at::Tensor States(const ParamList& params, const TextInputs& texts, const EncoderState& from,
                    const Dropout& dropout = {}) const;

  // The last hidden states of the tokens at which answers are read, [B, D]: those rows of States. The last layer is
  // computed only for these tokens, with the keys and values of all tokens. This takes a fraction of the time. If there
  // is a decoder, its last hidden states at the last token of Answers::start.
  at::Tensor StatesToRead(const ParamList& params, const TextInputs& texts, const EncoderState& from,
                          const Dropout& dropout = {}) const;

  // The same, computed from `states`, the result of States for `from`.
  at::Tensor ReadStates(const ParamList& params, const TextInputs& texts, const EncoderState& from,
                        const at::Tensor& states, const Dropout& dropout = {}) const;

  // Only with a decoder: its last hidden states [M, D] for the sequences `decoded`, M tokens in total. There are
  // equally many sequences per text, in the order of the texts. `states` is the result of States for the texts.
  at::Tensor DecoderStates(const ParamList& params, const TextInputs& texts, const at::Tensor& states,
                           const TextInputs& decoded, const Dropout& dropout = {}) const;

  // The number of the encoder's layers that are applied. ALBERT applies the same parameters in several layers.
  size_t num_layers() const { return layout_.layers.size(); }

  // What the head's matrix reads [B, E]: the head's dense layer, activation and norm, applied to hidden states [B, D].
  // If the head has none (or there is no head), the hidden states, which T5 divides by √D if its head is tied.
  at::Tensor Transformed(const ParamList& params, const at::Tensor& states) const;

  // The vocabulary logits [B, V] for the decoder's input [B, E]. V is the number of vocabulary rows in `params`, which
  // is the size of the vocabulary if the parameters are whole.
  at::Tensor VocabularyLogits(const ParamList& params, const at::Tensor& read) const;

  // For each class, the weighted mean of the decoder's rows [ways, E] and biases [ways] of its answer words. The
  // class's logit is then the mean of the words' logits.
  at::Tensor ClassVectors(const ParamList& params, const Answers& answers) const;
  at::Tensor ClassBiases(const ParamList& params, const Answers& answers) const;

 private:
  // How a layer depends on positions.
  struct LayerPositions {
    RotaryTable rotary;  // undefined: none
    Reach reach;
  };

  LayerParts Parts() const { return {config_, layout_, lora_scale_}; }
  // Applies layers from.next, ..., end - 1. With slots_alone, the last of them is computed only at the tokens to read.
  at::Tensor Layers(const ParamList& params, const TextInputs& texts, const EncoderState& from, size_t end,
                    bool slots_alone, const Dropout& dropout) const;
  // One entry per layer. `type` is the type of the parameters.
  std::vector<LayerPositions> PositionsOf(const TextInputs& texts, at::ScalarType type) const;
  at::Tensor RelativeBias(const at::Tensor& relative, const TextInputs& texts, bool slots_alone) const;
  // The bias of layer i from the distance vectors [2 span, D].
  PairBias DisentangledBias(const ParamList& params, const at::Tensor& distances, const DistanceRows& rows, size_t i,
                            const Dropout& dropout) const;
  // The dropout of the layers from `from` to `end` - 1, with their masks if the states are not on the CPU.
  Dropout WithLayerMasks(const Dropout& dropout, const ParamList& params, const TextInputs& texts,
                         const EncoderState& from, size_t end) const;
  // The states [B S, D] of the decoder's first tokens before its layer `end`, or its last ones.
  at::Tensor Decoded(const ParamList& params, const TextInputs& texts, const EncoderState& from,
                     const at::Tensor& states, size_t end, const Dropout& dropout) const;
  at::Tensor DecoderBias(const ParamList& params, const EncoderState& from) const;

  EncoderConfig config_;
  EncoderLayout layout_;
  double lora_scale_ = 0;  // alpha / rank
};

}  // namespace metaprompt

#endif  // METAPROMPT_ENCODERS_ENCODER_H_
