// Encoder, soft prompt and verbalizer together: text in a prompt to class logits.
#ifndef METAPROMPT_PROMPT_MODEL_H_
#define METAPROMPT_PROMPT_MODEL_H_

#include <functional>
#include <memory>
#include <variant>
#include <vector>

#include "metaprompt/encoders/encoder.h"
#include "metaprompt/model/model.h"
#include "metaprompt/model/model.pb.h"
#include "metaprompt/prompts/soft_prompt.h"

namespace metaprompt {

// A batch and the vocabulary rows that its ids index.
struct LocalBatch {
  at::Tensor rows;
  Batch batch;
};

// What PromptModel has computed of a batch: see Model::Lowered.
struct PromptCache : Cached {
  // The layers from encoder.next on are left, and what follows them.
  struct LayersLeft {
    EncoderState encoder;
  };
  // The head is left: what it reads of the last hidden states.
  struct HeadLeft {
    at::Tensor features;  // [R, D]
    at::Tensor to_read;   // [R, D]
  };
  // Only the class head is left.
  struct ClassHeadLeft {
    at::Tensor features;  // [R, D]
    at::Tensor read;      // [R, E]: what class vectors are multiplied with
  };

  std::variant<LayersLeft, HeadLeft, ClassHeadLeft> left;
  // The classes' own, as far as they too depend on lower layers alone; else undefined.
  at::Tensor class_vectors;  // [M ways, E]
  at::Tensor class_biases;   // [M ways]

  std::shared_ptr<const Cached> Map(const std::function<at::Tensor(const at::Tensor&, Rows)>& function) const override;
};

class PromptModel : public Model {
 public:
  // `num_soft`: the template's soft vectors.
  PromptModel(const ModelSpec& spec, Encoder encoder, int64_t num_soft);
  // A BERT of one's own: `spec` has an encoder.bert; `vocab` is the number of vocabulary ids.
  PromptModel(const ModelSpec& spec, int64_t vocab, int64_t num_soft);

  // The encoder's products in bfloat16; head, features and logits in the parameters' own type; see autocast.h.
  void set_bfloat16(bool on) { bfloat16_ = on; }

  const Encoder& encoder() const { return encoder_; }
  const std::vector<ParamInfo>& params() const override { return params_; }
  ModelOutput Forward(const ModelParams& all, const Batch& batch) const override;
  ParamList ClassHead(const ParamList& params, const Batch& batch) const override;
  double prototype_temperature() const override {
    return spec_.verbalizer().kind() == VerbalizerSpec::PROTOTYPE ? spec_.verbalizer().temperature() : 0;
  }
  int64_t feature_width() const override { return encoder_.config().width; }
  int64_t head_width() const override { return encoder_.config().embedding_width; }
  // `layer` counts as ParamInfo::layer does. ALBERT applies a layer's parameters more than once: where layers below
  // `layer` come again behind it, the embeddings are all that is kept, and those layers' parameters are still used.
  Batch Lowered(const ModelParams& all, const Batch& batch, int layer) const override;
  // All of the prompt: the soft vectors [S, E] for all tasks, or [M, S, E], what they pass through, and the prefixes.
  bool PerTask(size_t i) const override { return params_[i].group == ParamGroup::kPrompt; }
  double GraphBytes(const Batch& batch) const override;

  // What enters the encoder at the soft slots, [S, E] (see soft_prompt.h).
  at::Tensor SoftVectors(const ParamList& params) const;
  // Where prompt.soft stands.
  size_t soft_place() const { return soft_place_; }

  // The encoder's parameters and what stands behind them: a read that changes nothing; low-rank updates that change
  // nothing, A [rank, in] random normal with variance 1 / in, so that A x is of the size of x, and B 0; the soft prompt
  // (see soft_prompt.h), and normal prefixes of its deviation. float32. Every parameter has a stream of its own.
  ParamList WithSoftPrompt(ParamList encoder_params, uint64_t seed) const;

  // For a BERT of one's own: all parameters random (see InitialBert).
  ParamList Init(uint64_t seed) const;

  // `params` with the head's layer norm (without a head: `read.scale` and `read.shift`) set so that what the decoder
  // reads has mean 0 and variance 1 in every direction over these texts. In a random encoder, and in one that was never
  // trained to be read at a mask, all texts look alike there: what they share is ten times larger than what tells them
  // apart, and a gradient step on a support set would be a step along what they share. (Initialisation from data, as
  // Krähenbühl et al. 2016.)
  ParamList Standardised(const ParamList& params, const std::vector<LocalBatch>& texts) const;

 private:
  using Hidden = PromptCache::HeadLeft;

  // The encoder's state before its first layer.
  EncoderState EmbeddedOf(const ParamList& params, const Batch& batch) const;
  // From the encoder's state to what the head reads.
  Hidden HiddenOf(const ParamList& params, const Batch& batch, const EncoderState& from) const;
  // What the decoder reads, [R, E].
  at::Tensor Read(const ParamList& params, const at::Tensor& to_read) const;
  // Whether nothing but the rows to read is needed of the last layer.
  bool SlotsAlone() const { return spec_.features() == ModelSpec::MASK && spec_.read() == ModelSpec::MASK; }
  at::ScalarType ParamType(const ParamList& params) const;

  ModelSpec spec_;
  Encoder encoder_;
  SoftPrompt soft_;
  size_t soft_place_ = 0;  // of the first of its parameters
  bool bfloat16_ = false;
  int head_layer_ = 0;  // ParamInfo::layer of the head: the largest
  // The encoder's; without a head, read.scale [E] and read.shift [E]; the low-rank updates (see layout.h); then the
  // soft vectors [num_soft, E] and what they pass through (see soft_prompt.h); the prefixes (see layout.h).
  std::vector<ParamInfo> params_;
};

}  // namespace metaprompt

#endif  // METAPROMPT_PROMPT_MODEL_H_
