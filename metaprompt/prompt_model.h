// Encoder, soft prompt and verbalizer together: text in a prompt to class logits.
#ifndef METAPROMPT_PROMPT_MODEL_H_
#define METAPROMPT_PROMPT_MODEL_H_

#include <vector>

#include "metaprompt/bert.h"
#include "metaprompt/model.h"
#include "metaprompt/model.pb.h"

namespace metaprompt {

class PromptModel : public Model {
 public:
  // `num_soft`: the template's soft vectors.
  PromptModel(const ModelSpec& spec, int64_t vocab, int64_t num_soft);

  const std::vector<ParamInfo>& params() const override { return params_; }
  ModelOutput Forward(const ParamList& params, const Batch& batch) const override;

  // Random parameters, float32: matrices and vectors normal with init_std, biases 0, layer-norm weights 1. Every
  // parameter has a stream of its own, so adding one changes no other.
  ParamList Init(uint64_t seed) const;

 private:
  ModelSpec spec_;
  BertEncoder encoder_;
  std::vector<ParamInfo> params_;  // the encoder's, then the soft vectors [num_soft, D]
};

}  // namespace metaprompt

#endif  // METAPROMPT_PROMPT_MODEL_H_
