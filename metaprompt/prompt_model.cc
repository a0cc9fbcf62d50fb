#include "metaprompt/prompt_model.h"

#include <ATen/ATen.h>

#include "absl/strings/match.h"
#include "metaprompt/base/random.h"

namespace metaprompt {

PromptModel::PromptModel(const ModelSpec& spec, int64_t vocab, int64_t num_soft)
    : spec_(spec), encoder_(spec.encoder().bert(), vocab), params_(encoder_.params()) {
  params_.push_back(
      ParamInfo{"prompt.soft", {num_soft, spec.encoder().bert().width()}, ParamGroup::kPrompt, 0, false, false});
}

ModelOutput PromptModel::Forward(const ParamList& params, const Batch& batch) const {
  TORCH_CHECK(params.size() == params_.size(), "PromptModel: ", params.size(), " parameters instead of ",
              params_.size());
  ModelOutput output;
  output.features = encoder_.AtMask(params, params.back(), batch);
  output.logits = encoder_.ClassLogits(params, output.features, batch.answers);
  return output;
}

ParamList PromptModel::Init(uint64_t seed) const {
  ParamList params;
  for (const ParamInfo& info : params_) {
    at::Tensor param = at::zeros(info.shape, at::kFloat);
    if (info.shape.size() == 2) {
      const double std =
          info.group == ParamGroup::kPrompt ? spec_.prompt().init_std() : spec_.encoder().bert().init_std();
      Random random(SubSeed(seed, "init/" + info.name));
      auto* values = param.data_ptr<float>();
      for (int64_t i = 0; i < param.numel(); ++i) {
        values[i] = static_cast<float>(std * random.Normal());
      }
    } else if (absl::EndsWith(info.name, "LayerNorm.weight")) {
      param.fill_(1);
    }
    params.push_back(param);
  }
  return params;
}

}  // namespace metaprompt
