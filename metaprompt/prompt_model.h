// Encoder, soft prompt and verbalizer together: text in a prompt to class logits.
#ifndef METAPROMPT_PROMPT_MODEL_H_
#define METAPROMPT_PROMPT_MODEL_H_

#include <vector>

#include "metaprompt/encoder.h"
#include "metaprompt/model.h"
#include "metaprompt/model.pb.h"

namespace metaprompt {

// A batch and the vocabulary rows that its ids index.
struct LocalBatch {
  at::Tensor rows;
  Batch batch;
};

class PromptModel : public Model {
 public:
  // `num_soft`: the template's soft vectors.
  PromptModel(const PromptSpec& prompt, Encoder encoder, int64_t num_soft);
  // A BERT of one's own: `spec` has an encoder.bert; `vocab` is the number of vocabulary ids.
  PromptModel(const ModelSpec& spec, int64_t vocab, int64_t num_soft);

  // Products of the forward pass in bfloat16, features and logits in the parameters' own type; see autocast.h.
  void set_bfloat16(bool on) { bfloat16_ = on; }

  const Encoder& encoder() const { return encoder_; }
  const std::vector<ParamInfo>& params() const override { return params_; }
  ModelOutput Forward(const ParamList& params, const Batch& batch) const override;
  ParamList ClassHead(const ParamList& params, const Answers& answers) const override;

  // The encoder's parameters and what stands behind them: a read that changes nothing, and random normal soft vectors.
  // float32.
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
  // What the decoder reads at the masks, [B, E].
  at::Tensor Read(const ParamList& params, const at::Tensor& at_mask) const;

  PromptSpec prompt_;
  BertSpec bert_;  // of a BERT of one's own
  Encoder encoder_;
  bool bfloat16_ = false;
  // The encoder's; without a head, read.scale [E] and read.shift [E]; then the soft vectors [num_soft, E].
  std::vector<ParamInfo> params_;
};

}  // namespace metaprompt

#endif  // METAPROMPT_PROMPT_MODEL_H_
