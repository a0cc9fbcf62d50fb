// PromptModel: a model that consists of an encoder, a soft prompt and a verbalizer. It computes class logits from texts
// in a prompt, or from images.
#ifndef METAPROMPT_PROMPT_MODEL_H_
#define METAPROMPT_PROMPT_MODEL_H_

#include <memory>
#include <vector>

#include "metaprompt/encoders/encoder.h"
#include "metaprompt/model/model.h"
#include "metaprompt/model/model.pb.h"
#include "metaprompt/prompt_cache.h"
#include "metaprompt/prompts/prompt_template.h"
#include "metaprompt/prompts/soft_prompt.h"

namespace metaprompt {

// A batch whose token ids are indices into `rows`, a list of vocabulary ids.
struct LocalBatch {
  at::Tensor rows;
  Batch batch;
};

class PromptModel : public Model {
 public:
  // `num_soft` is the number of soft vectors: those in the template, or those between the class token and the patches
  // of an image.
  PromptModel(const ModelSpec& spec, Encoder encoder, int64_t num_soft);
  // The encoder is a BERT of the size in spec.encoder.bert. `vocab` is the number of vocabulary ids.
  PromptModel(const ModelSpec& spec, int64_t vocab, int64_t num_soft);

  // Whether the encoder's matrix products are computed in bfloat16 (see autocast.h). Head, features and logits are
  // computed in the type of the parameters.
  void set_bfloat16(bool on) { bfloat16_ = on; }
  bool bfloat16() const { return bfloat16_; }

  // Sets the content-free texts of VerbalizerSpec.calibration, each in the prompt. After this, Forward divides the
  // probability of each class by its mean probability over these texts, computed with the same parameters and context,
  // and normalises the result. The texts consist of vocabulary ids, so Forward needs the whole parameters
  // (Episode::rows must be undefined).
  void set_content_free(std::vector<PromptedText> texts) { content_free_ = std::move(texts); }

  // The number of tokens in the longest content-free text; 0 without calibration.
  int64_t longest_content_free() const;

  // How many rows of the batch Forward computes at a time if answers are scored as sequences. If the batch has a
  // context (Answers::context) and one task, and gradients are disabled: as many as fit in 4,096 tokens together with
  // their context and answers, but at least 1. Otherwise all rows.
  int64_t ScoredAtOnce(const Batch& batch) const;

  const Encoder& encoder() const { return encoder_; }
  const std::vector<ParamInfo>& params() const override { return params_; }
  ModelOutput Forward(const ModelParams& all, const Batch& batch) const override;
  ParamList ClassHead(const ParamList& params, const Batch& batch) const override;
  double prototype_temperature() const override {
    return spec_.verbalizer().kind() == VerbalizerSpec::PROTOTYPE ? spec_.verbalizer().temperature() : 0;
  }
  int64_t feature_width() const override { return encoder_.config().width; }
  int64_t head_width() const override { return ScoresSequences() ? 0 : encoder_.config().embedding_width; }
  // `layer` is a ParamInfo::layer. ALBERT applies a layer's parameters more than once. If layers below `layer` are
  // applied again after it, only the embeddings are cached, and Forward still uses those layers' parameters. Nothing is
  // cached if answers are scored as sequences, with calibration, or for a batch with dropout.
  Batch CacheBelow(const ModelParams& all, const Batch& batch, int layer) const override;
  // True for all parameters of the prompt: the soft vectors ([S, E], or [M, S, E] for M tasks), the LSTM and MLP that
  // are applied to them, and the prefixes.
  bool PerTask(size_t i) const override { return params_[i].group == ParamGroup::kPrompt; }
  double GraphBytes(const Batch& batch) const override;
  bool drops() const override { return dropout_.hidden > 0 || dropout_.attention > 0; }

  // The vectors that enter the encoder at the soft slots (see soft_prompt.h): [S, E], or [M, S, E] for M tasks.
  at::Tensor SoftVectors(const ParamList& params) const;
  // The index of prompt.soft in params().
  size_t soft_place() const { return soft_place_; }
  // The index in params() of the scale that Standardised sets. The shift is the next parameter.
  size_t read_scale_place() const;

  // Appends the initial values of all other parameters, in float32, to the encoder's parameters:
  //   read.scale is 1 and read.shift is 0, so that they have no effect yet;
  //   low-rank updates have no effect yet either: A [rank, in] is normal with variance 1 / in, so that the entries of A
  //   x are about as large as those of x, and B is 0;
  //   for the soft prompt, see soft_prompt.h; prefixes are normal with mean 0 and standard deviation prompt.init_std.
  // Each parameter is drawn from a separate random stream.
  ParamList WithSoftPrompt(ParamList encoder_params, uint64_t seed) const;

  // Random initial values of all parameters of a model with a new BERT or ViT (see InitialBert, InitialVit).
  ParamList Init(uint64_t seed) const;

  // Returns `params` with a new scale and shift. With them, the vectors that are multiplied with the class vectors have
  // mean 0 and variance 1 in each dimension over these texts (or images). The scale and shift are the weight and bias
  // of the head's layer norm or, without a head, read.scale and read.shift. This matters for a random encoder, and for
  // one that was never trained to predict a word at a mask. Its vectors at the mask are similar for all texts: their
  // mean is ten times larger than their differences, and a gradient step on a support set would mostly follow the mean.
  // (This is initialisation from data, as in Krähenbühl et al. 2016.)
  ParamList Standardised(const ParamList& params, const std::vector<LocalBatch>& texts) const;

 private:
  using Hidden = PromptCache::HeadLeft;

  // The cache that CacheBelow adds to the batch.
  std::shared_ptr<const PromptCache> ComputedBelow(const ModelParams& all, const Batch& batch, int layer) const;

  // Whether the verbalizer scores answers as sequences.
  bool ScoresSequences() const { return spec_.verbalizer().kind() == VerbalizerSpec::SEQUENCE; }
  // Forward without calibration. If answers are scored as sequences, it calls Scored, which calls ScoredTogether for
  // ScoredAtOnce rows at a time.
  ModelOutput Uncalibrated(const ModelParams& all, const Batch& batch) const;
  ModelOutput Scored(const ModelParams& all, const Batch& batch) const;
  ModelOutput ScoredTogether(const ModelParams& all, const Batch& batch) const;
  double UncalibratedBytes(const Batch& batch) const;
  // A batch of the content-free texts: all of them for each task of `batch`, with that task's answers.
  Batch ContentFree(const Batch& batch) const;
  // The logarithm of each class's mean probability over the content-free texts: [M, ways].
  at::Tensor ContentFreeLogits(const ModelParams& all, const Batch& batch) const;

  // Whether classes have answer words. False for a model of images.
  bool HasWords() const;
  // The soft vectors [S, E] of one task, or [M, S, E] of several.
  at::Tensor SoftOfTasks(const ParamList& params, int64_t tasks) const;
  // The encoder's state before its first layer.
  EncoderState EmbeddedOf(const ParamList& params, const Batch& batch) const;
  // The same for `texts` instead of the batch's texts. They belong to the same number of tasks.
  EncoderState EmbeddedTexts(const ParamList& params, const Batch& batch, const TextInputs& texts) const;
  // Applies the remaining layers of the encoder to `from`, and returns the features and the hidden states that the head
  // reads.
  Hidden HiddenOf(const ParamList& params, const Batch& batch, const EncoderState& from) const;
  // Applies the head: returns the vectors [R, E] that are multiplied with the class vectors.
  at::Tensor Read(const ParamList& params, const at::Tensor& to_read) const;
  // Whether the last layer needs to be computed only at the tokens at which answers are read.
  bool SlotsAlone() const { return spec_.features() == ModelSpec::MASK && spec_.read() == ModelSpec::MASK; }
  at::ScalarType ParamType(const ParamList& params) const;
  // The dropout of a forward pass of the batch.
  Dropout DropoutOf(const Batch& batch) const;

  ModelSpec spec_;
  Encoder encoder_;
  SoftPrompt soft_;
  size_t soft_place_ = 0;  // index of the first parameter of soft_
  Dropout dropout_;        // the rates
  bool bfloat16_ = false;
  std::vector<PromptedText> content_free_;  // empty: no calibration
  int head_layer_ = 0;                      // ParamInfo::layer of the head, above that of every layer
  int top_layer_ = 0;                       // the largest ParamInfo::layer: head_layer_ if the head has parameters
  // In this order: the encoder's parameters; without a head, read.scale [E] and read.shift [E]; the low-rank updates
  // (see layout.h); the soft vectors [num_soft, E] and the LSTM and MLP on them (see soft_prompt.h); the prefixes (see
  // layout.h).
  std::vector<ParamInfo> params_;
};

}  // namespace metaprompt

#endif  // METAPROMPT_PROMPT_MODEL_H_
