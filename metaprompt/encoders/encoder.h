// Transformer encoders with their masked-language-model heads, as pure functions of a parameter list: BERT (Devlin et
// al. 2019) and its relatives, which architectures.inc lists.
#ifndef METAPROMPT_ENCODERS_ENCODER_H_
#define METAPROMPT_ENCODERS_ENCODER_H_

#include <vector>

#include "metaprompt/encoders/encoder_config.h"
#include "metaprompt/encoders/layout.h"
#include "metaprompt/model/batch.h"
#include "metaprompt/model/model.h"
#include "metaprompt/model/params.h"

namespace metaprompt {

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

  // The last hidden states, packed as the batch's tokens are, [N, D]. `soft` [S, E], or [M, S, E] for M tasks, are the
  // soft vectors that token ids past the last row of the word embedding stand for; they enter where word vectors do,
  // before positions and layer norm. 12 D² products per token and layer (with intermediate = 4 D), and 2 T D for
  // attention. Where batch.lowered is i in 1..L, layer i is the first that is computed: batch.lower are the states
  // before it [N, D], and MPNet's relative bias [buckets, heads], which all layers use.
  at::Tensor States(const ParamList& params, const at::Tensor& soft, const Batch& batch) const;

  // The last hidden state at each text's mask, [B, D]: those rows of States. The last layer is computed at the masks
  // alone, with keys and values of all tokens: the same numbers for a fraction of the work.
  at::Tensor AtMask(const ParamList& params, const at::Tensor& soft, const Batch& batch) const;

  // The first entries of batch.lower for batch.lowered = i in 1..L. L counts layers as they are applied: ALBERT's are
  // more than its parameters have.
  std::vector<at::Tensor> StatesBefore(const ParamList& params, const at::Tensor& soft, const Batch& batch,
                                       int i) const;

  // How many tensors those are.
  size_t num_lower() const { return layout_.relative_bias == kNoParam ? 1 : 2; }

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
  at::Tensor Embedded(const ParamList& params, const at::Tensor& soft, const Batch& batch) const;
  at::Tensor Last(const ParamList& params, const at::Tensor& soft, const Batch& batch, bool masks_alone) const;
  at::Tensor Layers(const ParamList& params, at::Tensor x, const at::Tensor& relative, const Batch& batch, size_t begin,
                    size_t end, bool masks_alone) const;
  at::Tensor RelativeBias(const at::Tensor& relative, const Batch& batch, bool masks_alone) const;
  at::Tensor WithLora(const ParamList& params, const at::Tensor& x, size_t place, size_t lora) const;
  at::Tensor Attend(const at::Tensor& query, const at::Tensor& key, const at::Tensor& value, const at::Tensor& bias,
                    const Prefix& prefix, const Batch& batch, bool masks_alone) const;
  at::Tensor Norm(const ParamList& params, const at::Tensor& x, size_t place) const;

  EncoderConfig config_;
  EncoderLayout layout_;
  double lora_scale_ = 0;  // alpha / rank
};

}  // namespace metaprompt

#endif  // METAPROMPT_ENCODERS_ENCODER_H_
