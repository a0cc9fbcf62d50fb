// Transformer encoders with their masked-language-model heads, as pure functions of a parameter list: BERT (Devlin et
// al. 2019) and its relatives, which architectures.inc lists.
#ifndef METAPROMPT_ENCODERS_ENCODER_H_
#define METAPROMPT_ENCODERS_ENCODER_H_

#include <vector>

#include "metaprompt/encoders/encoder_config.h"
#include "metaprompt/encoders/layout.h"
#include "metaprompt/model/params.h"
#include "metaprompt/model/text_inputs.h"

namespace metaprompt {

// What an encoder has computed of texts so far.
struct EncoderState {
  size_t next = 0;           // the first layer that is still to be computed, from 0, counted as layers are applied
  at::Tensor states;         // [N, D]: the hidden states before that layer
  at::Tensor relative_bias;  // [buckets, heads], which all layers use; undefined where the architecture has none
};

// The encoder alone: its parameters and what it computes from tokens. All architectures are the same function. They
// differ in what they add to a token's vector (token types, positions from another row), in a bias on attention
// (MPNet), in a dense layer after the embeddings and in layers that share parameters (ALBERT), and in names.
class Encoder {
 public:
  // Without a head, what the decoder reads is the hidden state as it is.
  Encoder(const EncoderConfig& config, bool with_head);

  const EncoderConfig& config() const { return config_; }
  const EncoderLayout& layout() const { return layout_; }
  const std::vector<ParamInfo>& params() const { return layout_.params; }

  // Tokens in the longest input.
  int64_t max_tokens() const { return config_.max_positions - config_.position_offset; }

  // Gives the query and value matrices W low-rank updates, W + alpha / rank B A, which stand at `first` in the lists
  // that the functions below take. Returns what they are (see layout.h).
  std::vector<ParamInfo> AddLora(int64_t rank, double alpha, size_t first);

  // Gives every layer a prefix of `length` keys and values, which stand at `first` in those lists; [length, D], or [M,
  // length, D] for M tasks. Returns what they are (see layout.h). They have no position: a relative bias is 0 for them.
  std::vector<ParamInfo> AddPrefixes(int64_t length, size_t first);

  // The encoder's own parameters, with the low-rank updates added to the matrices that they stand beside.
  ParamList Folded(const ParamList& params) const;

  // The texts' embeddings: the state before layer 0. `soft` [M, S, E] are the soft vectors of M tasks that have as many
  // texts each, or [S, E] those of one task; undefined: the texts have none. They enter where word vectors do, before
  // positions and layer norm.
  EncoderState Embedded(const ParamList& params, const at::Tensor& soft, const TextInputs& texts) const;

  // The state before layer `next`, from an earlier one. 12 D² products per token and layer (with intermediate = 4 D),
  // and 2 T D for attention.
  EncoderState Advanced(const ParamList& params, const TextInputs& texts, const EncoderState& from, size_t next) const;

  // The last hidden states, packed as the texts' tokens are, [N, D].
  at::Tensor States(const ParamList& params, const TextInputs& texts, const EncoderState& from) const;

  // The last hidden state at the token where each text is read, [B, D]: those rows of States. The last layer is
  // computed at these tokens alone, with keys and values of all tokens: the same numbers for a fraction of the work.
  at::Tensor StatesToRead(const ParamList& params, const TextInputs& texts, const EncoderState& from) const;

  // Layers as they are applied: ALBERT applies more than it has parameters for.
  size_t num_layers() const { return layout_.layers.size(); }

  // What the decoder reads: the hidden states [B, D] after the head's own layer, [B, E].
  at::Tensor Transformed(const ParamList& params, const at::Tensor& states) const;

  // The masked-language-model logits [B, V] of what the decoder reads [B, E]; with whole parameters, V is the
  // vocabulary.
  at::Tensor VocabularyLogits(const ParamList& params, const at::Tensor& read) const;

  // The classes as the decoder sees them: the mean row [ways, E] and the mean bias [ways] of their answer words. The
  // mean of the words' logits is the logit of these.
  at::Tensor ClassVectors(const ParamList& params, const Answers& answers) const;
  at::Tensor ClassBiases(const ParamList& params, const Answers& answers) const;

 private:
  // A layer's, undefined where it has none.
  struct Prefix {
    at::Tensor key;
    at::Tensor value;
  };

  Prefix PrefixOf(const ParamList& params, const LayerPlaces& places) const;
  // Layers from.next, ..., end - 1; with slots_alone the last of them gives the rows to read.
  at::Tensor Layers(const ParamList& params, const TextInputs& texts, const EncoderState& from, size_t end,
                    bool slots_alone) const;
  at::Tensor RelativeBias(const at::Tensor& relative, const TextInputs& texts, bool slots_alone) const;
  at::Tensor WithLora(const ParamList& params, const at::Tensor& x, size_t place, size_t lora) const;
  at::Tensor Attend(const at::Tensor& query, const at::Tensor& key, const at::Tensor& value, const at::Tensor& bias,
                    const Prefix& prefix, const TextInputs& texts, bool slots_alone, at::ScalarType softmax_type) const;
  at::Tensor Norm(const ParamList& params, const at::Tensor& x, size_t place) const;

  EncoderConfig config_;
  EncoderLayout layout_;
  double lora_scale_ = 0;  // alpha / rank
};

}  // namespace metaprompt

#endif  // METAPROMPT_ENCODERS_ENCODER_H_
