// LayerParts: what the layers of an encoder and of a decoder consist of, as functions of the list of parameters.
#ifndef METAPROMPT_ENCODERS_LAYER_PARTS_H_
#define METAPROMPT_ENCODERS_LAYER_PARTS_H_

#include <ATen/core/Tensor.h>

#include <cstddef>
#include <cstdint>
#include <functional>

#include "metaprompt/architectures/encoder_config.h"
#include "metaprompt/encoders/layout.h"
#include "metaprompt/model/params.h"
#include "metaprompt/model/text_inputs.h"
#include "metaprompt/operations/dropout.h"
#include "metaprompt/operations/reach.h"

namespace metaprompt {

// Computes what is added to the attention scores [B, H, Q, T] of padded texts, from the scaled queries [B, H, Q, d] and
// the keys [B, H, T, d]. Null: nothing is added.
using PairBias = std::function<at::Tensor(const at::Tensor& query, const at::Tensor& key)>;

// The prefix of a layer's keys and values; undefined if it has none.
struct Prefix {
  at::Tensor key;
  at::Tensor value;
};

// What determines the result of attention besides queries, keys and values.
struct AttentionSettings {
  PairBias bias;
  Prefix prefix;
  Reach reach;
  ReachBiases* reach_biases = nullptr;  // needed unless `reach` is all
  at::Tensor key_bias;                  // [B, 1, 1, T], which hides padding; undefined: there is none
  bool slots_alone = false;             // whether the only queries are the tokens at which answers are read
  at::ScalarType softmax_type = at::kFloat;
  size_t layer = 0;  // determines the places of dropout (operations/dropout.h)
};

class LayerParts {
 public:
  // `config` and `layout` must outlive this object. `lora_scale` is alpha / rank of the low-rank updates.
  LayerParts(const EncoderConfig& config, const EncoderLayout& layout, double lora_scale)
      : config_(config), layout_(layout), lora_scale_(lora_scale) {}

  const EncoderConfig& config() const { return config_; }
  const EncoderLayout& layout() const { return layout_; }

  // W x + b, for the matrix at `place`.
  at::Tensor Dense(const ParamList& params, const at::Tensor& x, size_t place) const;
  // W x + b + (alpha / rank) B (A x). Does not compute B A, which is as large as W. `lora` is the place of A; kNoParam:
  // there is no update.
  at::Tensor WithLora(const ParamList& params, const at::Tensor& x, size_t place, size_t lora) const;
  // Returns x if the architecture has no such norm.
  at::Tensor Norm(const ParamList& params, const at::Tensor& x, size_t place) const;
  // Row r of x belongs to token tokens[r]; undefined: to token r. `inside` is the place of the dropout (PlaceSeed).
  at::Tensor FeedForward(const ParamList& params, const at::Tensor& x, const LayerPlaces& at, int64_t inside,
                         const at::Tensor& tokens, const Dropout& dropout) const;

  Prefix PrefixOf(const ParamList& params, const LayerPlaces& places) const;
  // Keys or values [.., key heads * d] for each head of the queries: [.., A].
  at::Tensor ForEachHead(const at::Tensor& rows) const;
  // The factor of the products of queries and keys before the softmax.
  double ScoreScale() const;

  // Dot-product attention (Vaswani et al. 2017, eq. 1) of `query` [N, A], or [B, A] with slots_alone, over `key` and
  // `value` [N, A] and the prefix, where A is config.attended(). The result has the shape of `query`. It can be
  // differentiated twice, unlike LibTorch's fused kernels. On the CPU, each text is computed separately, without
  // padding. With a bias, a prefix or bfloat16, all texts are padded to the length of the longest. On other devices
  // they are padded before the first layer.
  at::Tensor Attend(const at::Tensor& query, const at::Tensor& key, const at::Tensor& value, const TextInputs& texts,
                    const AttentionSettings& settings, const Dropout& dropout) const;

  // The same of the decoder's tokens, `query` [M, A], over those of the texts that the encoder has read, `key` and
  // `value` [N, A]. `decoded` are equally many sequences per text, in the order of the texts. Always padded. Uses
  // prefix, softmax_type and layer of the settings.
  at::Tensor AttendAcross(const at::Tensor& query, const at::Tensor& key, const at::Tensor& value,
                          const TextInputs& decoded, const TextInputs& texts, const AttentionSettings& settings,
                          const Dropout& dropout) const;

 private:
  const EncoderConfig& config_;
  const EncoderLayout& layout_;
  const double lora_scale_;
};

}  // namespace metaprompt

#endif  // METAPROMPT_ENCODERS_LAYER_PARTS_H_
