// Encoder, soft prompt and verbalizer together: text in a prompt to class logits.
#ifndef METAPROMPT_PROMPT_MODEL_H_
#define METAPROMPT_PROMPT_MODEL_H_

#include <vector>

#include "metaprompt/bert.h"
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
  PromptModel(const ModelSpec& spec, int64_t vocab, int64_t num_soft);

  const std::vector<ParamInfo>& params() const override { return params_; }
  ModelOutput Forward(const ParamList& params, const Batch& batch) const override;
  ParamList ClassHead(const ParamList& params, const Answers& answers) const override;

  // Random parameters, float32. Word vectors, soft vectors, keys and feed-forward inputs are normal; positions, queries
  // and feed-forward outputs begin at 0, values and what they pass through at the identity: a bag of words. Biases are
  // 0, layer-norm weights 1. Every parameter has a stream of its own, so adding one changes no other.
  ParamList Init(uint64_t seed) const;

  // `params` with the head's layer norm set so that what the decoder reads has mean 0 and variance 1 in every direction
  // over these texts. In a random encoder all texts look alike at the mask: what they share is ten times larger than
  // what tells them apart, and a gradient step on a support set would be a step along what they share. (Initialisation
  // from data, as Krähenbühl et al. 2016.)
  ParamList Standardised(const ParamList& params, const std::vector<LocalBatch>& texts) const;

 private:
  double InitialStd(const ParamInfo& info) const;

  ModelSpec spec_;
  BertEncoder encoder_;
  std::vector<ParamInfo> params_;  // the encoder's, then the soft vectors [num_soft, D]
};

}  // namespace metaprompt

#endif  // METAPROMPT_PROMPT_MODEL_H_
