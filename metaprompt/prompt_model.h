// Encoder, soft prompt and verbalizer together: from texts in a prompt, or from images, to class logits.
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
  // `num_soft` is the number of soft vectors in the template, or beside the patches of an image.
  PromptModel(const ModelSpec& spec, Encoder encoder, int64_t num_soft);
  // With a new, random BERT of the shape in spec.encoder.bert. `vocab` is the number of vocabulary ids.
  PromptModel(const ModelSpec& spec, int64_t vocab, int64_t num_soft);

  // Whether the encoder's matrix products are in bfloat16. Head, features and logits keep the type of the parameters.
  // See autocast.h.
  void set_bfloat16(bool on) { bfloat16_ = on; }
  bool bfloat16() const { return bfloat16_; }

  // The texts without content, in their prompt, for VerbalizerSpec.calibration. They are vocabulary ids, so parameters
  // must be whole (Episode::rows undefined). Forward then divides the probability of each class by its mean probability
  // for these texts, with the same parameters and context, and normalises again.
  void set_content_free(std::vector<PromptedText> texts) { content_free_ = std::move(texts); }

  // The tokens of the longest of them; 0 without calibration.
  int64_t longest_content_free() const;

  // Where answers are scored as sequences: how many rows of the batch Forward computes at once. With a context
  // (Answers) and one task, where no graph is kept: as many as have at most 4,096 tokens, with the context and the
  // answers, or 1. Otherwise all.
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
  // cached where answers are scored as sequences, or with content-free texts.
  Batch CacheBelow(const ModelParams& all, const Batch& batch, int layer) const override;
  // True for all parameters of the prompt: the soft vectors ([S, E], or [M, S, E] for M tasks), the LSTM and MLP that
  // they pass through, and the prefixes.
  bool PerTask(size_t i) const override { return params_[i].group == ParamGroup::kPrompt; }
  double GraphBytes(const Batch& batch) const override;
  bool drops() const override { return dropout_.hidden > 0 || dropout_.attention > 0; }

  // The vectors [S, E] that enter the encoder at the soft slots (see soft_prompt.h).
  at::Tensor SoftVectors(const ParamList& params) const;
  // The index of prompt.soft in params().
  size_t soft_place() const { return soft_place_; }
  // The index in params() of the scale that Standardised sets. The shift is the next parameter.
  size_t read_scale_place() const;

  // The encoder's parameters, followed by the initial values of all other parameters, in float32:
  //   read.scale 1 and read.shift 0, which change nothing;
  //   low-rank updates, which change nothing either: A [rank, in] is normal with variance 1 / in, so that A x has the
  //   size of x, and B is 0;
  //   the soft prompt (see soft_prompt.h), and prefixes from a normal distribution with its standard deviation.
  // Each parameter has its own random stream.
  ParamList WithSoftPrompt(ParamList encoder_params, uint64_t seed) const;

  // Random values for all parameters of a model with a new BERT or ViT (see InitialBert, InitialVit).
  ParamList Init(uint64_t seed) const;

  // `params` with a scale and a shift such that the vectors that the decoder reads have mean 0 and variance 1 in each
  // dimension over these texts. The scale and shift are the weight and bias of the head's layer norm, or, without a
  // head, read.scale and read.shift. A random encoder, or one that was never trained to be read at a mask, gives
  // similar vectors for all texts there: what the texts have in common is ten times larger than their differences, and
  // a gradient step on a support set would follow what they have in common. (This is initialisation from data, as in
  // Krähenbühl et al. 2016.)
  ParamList Standardised(const ParamList& params, const std::vector<LocalBatch>& texts) const;

 private:
  using Hidden = PromptCache::HeadLeft;

  // What CacheBelow adds to the batch.
  std::shared_ptr<const PromptCache> ComputedBelow(const ModelParams& all, const Batch& batch, int layer) const;

  // Whether the verbalizer scores answers as sequences.
  bool ScoresSequences() const { return spec_.verbalizer().kind() == VerbalizerSpec::SEQUENCE; }
  // Forward without calibration: with class vectors, or with answers scored as sequences.
  ModelOutput Uncalibrated(const ModelParams& all, const Batch& batch) const;
  ModelOutput Scored(const ModelParams& all, const Batch& batch) const;
  ModelOutput ScoredTogether(const ModelParams& all, const Batch& batch) const;
  double UncalibratedBytes(const Batch& batch) const;
  // The content-free texts, for each task of the batch and with its answers.
  Batch ContentFree(const Batch& batch) const;
  // log of the classes' mean probabilities for the content-free texts: [M, ways].
  at::Tensor ContentFreeLogits(const ModelParams& all, const Batch& batch) const;

  // Whether classes have answer words: not if the inputs are images.
  bool HasWords() const;
  // The soft vectors [S, E] of one task, or [M, S, E] of several.
  at::Tensor SoftOfTasks(const ParamList& params, int64_t tasks) const;
  // The encoder's state before its first layer.
  EncoderState EmbeddedOf(const ParamList& params, const Batch& batch) const;
  // The same for `texts` in place of the batch's, of as many tasks.
  EncoderState EmbeddedTexts(const ParamList& params, const Batch& batch, const TextInputs& texts) const;
  // From the encoder's state to what the head reads.
  Hidden HiddenOf(const ParamList& params, const Batch& batch, const EncoderState& from) const;
  // The vectors that the class vectors are applied to, [R, E].
  at::Tensor Read(const ParamList& params, const at::Tensor& to_read) const;
  // Whether the last layer needs to be computed only at the rows to read.
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
  int head_layer_ = 0;                      // ParamInfo::layer of the head, the largest of all
  // The encoder's parameters; without a head, read.scale [E] and read.shift [E]; the low-rank updates (see layout.h);
  // the soft vectors [num_soft, E] and the LSTM and MLP that they pass through (see soft_prompt.h); the prefixes (see
  // layout.h).
  std::vector<ParamInfo> params_;
};

}  // namespace metaprompt

#endif  // METAPROMPT_PROMPT_MODEL_H_
