// Transformer encoders with the heads that predict words, as pure functions of a parameter list: BERT (Devlin et al.
// 2019) and its relatives, causal models and encoders of images. architectures.inc lists them.
#ifndef METAPROMPT_ENCODERS_ENCODER_H_
#define METAPROMPT_ENCODERS_ENCODER_H_

#include <functional>
#include <vector>

#include "metaprompt/architectures/encoder_config.h"
#include "metaprompt/encoders/disentangled.h"
#include "metaprompt/encoders/layout.h"
#include "metaprompt/model/image_inputs.h"
#include "metaprompt/model/params.h"
#include "metaprompt/model/text_inputs.h"
#include "metaprompt/operations/dropout.h"
#include "metaprompt/operations/reach.h"
#include "metaprompt/operations/rotary.h"

namespace metaprompt {

// How far an encoder has computed a batch of texts.
struct EncoderState {
  size_t next = 0;           // the next layer to compute, from 0, in the order in which layers are applied
  at::Tensor states;         // [N, D]: the hidden states before that layer, the input to it
  at::Tensor relative_bias;  // [buckets, heads], for all layers; undefined if the architecture has none
  at::Tensor distances;      // [2 span, D], for all layers: the vectors of disentangled attention, or undefined
};

// The encoder alone: its parameters and what it computes from tokens or patches. All architectures are the same
// function. They differ in what they read: texts, or images (ViT). They differ in what they add to a token's vector
// (token types, positions from another row), in a bias on attention (MPNet), in a dense layer after the embeddings and
// in layers that share parameters (ALBERT), in rotary positions, local attention, gated feed-forward layers and norms
// before instead of after each half of a layer (ModernBERT), and in disentangled attention (DeBERTa). In causal models,
// tokens attend only to those before them (GPT-2); norms may be root-mean-square norms, and heads of queries may share
// keys and values (Llama, Qwen2). They differ in names, too.
class Encoder {
 public:
  // Without a head, the decoder reads the hidden states unchanged.
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
  // (see layout.h). Prefixes have no position: a relative bias is 0 for them.
  std::vector<ParamInfo> AddPrefixes(int64_t length, size_t first);

  // The encoder's own parameters, with the low-rank updates added to their matrices.
  ParamList Folded(const ParamList& params) const;

  // The embeddings of the texts: the state before layer 0. `soft` are the soft vectors of M tasks with equally many
  // texts, [M, S, E], or of one task, [S, E]; undefined: the texts have none. They replace word vectors, before
  // positions are added and the layer norm is applied.
  //
  // Here and below, `dropout` is what is dropped where the architecture was trained with dropout. With the same seed,
  // the functions that follow one another drop what a single pass drops.
  EncoderState Embedded(const ParamList& params, const at::Tensor& soft, const TextInputs& texts,
                        const Dropout& dropout = {}) const;

  // The same for images: the class token, the soft vectors and the patches. Positions are added to class token and
  // patches alone (Jia et al. 2022). The functions below take images.tokens() as the texts.
  EncoderState Embedded(const ParamList& params, const at::Tensor& soft, const ImageInputs& images,
                        const Dropout& dropout = {}) const;

  // The state before layer `next`, computed from an earlier state. Costs 12 D² multiplications per token and layer (if
  // intermediate = 4 D), and 2 T D for attention.
  EncoderState Advanced(const ParamList& params, const TextInputs& texts, const EncoderState& from, size_t next,
                        const Dropout& dropout = {}) const;

  // The last hidden states of all tokens, [N, D], in the order of the texts' ids.
  at::Tensor States(const ParamList& params, const TextInputs& texts, const EncoderState& from,
                    const Dropout& dropout = {}) const;

  // The last hidden states of the tokens at which answers are read, [B, D]: those rows of States. The last layer is
  // computed for these tokens only, with keys and values of all tokens. The numbers are the same, for a fraction of the
  // work.
  at::Tensor StatesToRead(const ParamList& params, const TextInputs& texts, const EncoderState& from,
                          const Dropout& dropout = {}) const;

  // The number of layers as applied: ALBERT applies more layers than it has parameters for.
  size_t num_layers() const { return layout_.layers.size(); }

  // The decoder's input [B, E]: the hidden states [B, D] after the head's own layer.
  at::Tensor Transformed(const ParamList& params, const at::Tensor& states) const;

  // The masked-language-model logits [B, V] for the decoder's input [B, E]. V is the number of vocabulary rows in
  // `params`: with whole parameters, the size of the vocabulary.
  at::Tensor VocabularyLogits(const ParamList& params, const at::Tensor& read) const;

  // The decoder's rows for the classes: for each class, the mean row [ways, E] and the mean bias [ways] of its answer
  // words. The logit that they give is the mean of the words' logits.
  at::Tensor ClassVectors(const ParamList& params, const Answers& answers) const;
  at::Tensor ClassBiases(const ParamList& params, const Answers& answers) const;

 private:
  // A layer's prefix; undefined if it has none.
  struct Prefix {
    at::Tensor key;
    at::Tensor value;
  };

  // What a layer computes from positions.
  struct LayerPositions {
    RotaryTable rotary;  // undefined: none
    Reach reach;
  };

  Prefix PrefixOf(const ParamList& params, const LayerPlaces& places) const;
  // Keys or values [.., key heads * d] for each head of the queries: [.., D].
  at::Tensor ForEachHead(const at::Tensor& rows) const;
  // Applies layers from.next, ..., end - 1. With slots_alone, the last of them is computed only at the tokens to read.
  at::Tensor Layers(const ParamList& params, const TextInputs& texts, const EncoderState& from, size_t end,
                    bool slots_alone, const Dropout& dropout) const;
  // What is added to the scores [B, H, Q, T] of padded texts, from the queries [B, H, Q, d], which are scaled, and the
  // keys [B, H, T, d]. Null: nothing.
  using PairBias = std::function<at::Tensor(const at::Tensor& query, const at::Tensor& key)>;

  // For all layers; `type` is that of the parameters.
  std::vector<LayerPositions> PositionsOf(const TextInputs& texts, at::ScalarType type) const;
  at::Tensor RelativeBias(const at::Tensor& relative, const TextInputs& texts, bool slots_alone) const;
  at::Tensor WithLora(const ParamList& params, const at::Tensor& x, size_t place, size_t lora) const;
  // The bias of layer i on attention from the vectors [2 span, D] of distances.
  PairBias DisentangledBias(const ParamList& params, const at::Tensor& distances, const DistanceRows& rows, size_t i,
                            const Dropout& dropout) const;
  // What products of queries and keys are multiplied by before the softmax.
  double ScoreScale() const;
  at::Tensor Attend(const at::Tensor& query, const at::Tensor& key, const at::Tensor& value, const PairBias& bias,
                    const Prefix& prefix, const Reach& reach, ReachBiases* reach_biases, const TextInputs& texts,
                    bool slots_alone, at::ScalarType softmax_type, const Dropout& dropout) const;
  // Row r of x is that of token tokens[r]; undefined: of token r. `place` is that of the layer's dropout.
  at::Tensor FeedForward(const ParamList& params, const at::Tensor& x, const LayerPlaces& at, int64_t place,
                         const at::Tensor& tokens, const Dropout& dropout) const;
  at::Tensor Dense(const ParamList& params, const at::Tensor& x, size_t place) const;
  // x itself where the architecture has no such norm.
  at::Tensor Norm(const ParamList& params, const at::Tensor& x, size_t place) const;

  EncoderConfig config_;
  EncoderLayout layout_;
  double lora_scale_ = 0;  // alpha / rank
};

}  // namespace metaprompt

#endif  // METAPROMPT_ENCODERS_ENCODER_H_
