#include "metaprompt/prompt_model.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

#include <algorithm>
#include <utility>

#include "metaprompt/autocast.h"
#include "metaprompt/base/random.h"
#include "metaprompt/bert.h"

namespace metaprompt {

PromptModel::PromptModel(const PromptSpec& prompt, Encoder encoder, int64_t num_soft)
    : prompt_(prompt), encoder_(std::move(encoder)), params_(encoder_.params()) {
  if (const int64_t width = encoder_.config().embedding_width; !encoder_.layout().has_head()) {
    int layer = 0;
    for (const ParamInfo& info : params_) {
      layer = std::max(layer, info.layer + 1);
    }
    params_.push_back(ParamInfo{"read.scale", {width}, ParamGroup::kEncoder, layer, false, false});
    params_.push_back(ParamInfo{"read.shift", {width}, ParamGroup::kEncoder, layer, false, false});
  }
  params_.push_back(
      ParamInfo{"prompt.soft", {num_soft, encoder_.config().embedding_width}, ParamGroup::kPrompt, 0, false, false});
}

PromptModel::PromptModel(const ModelSpec& spec, int64_t vocab, int64_t num_soft)
    : PromptModel(spec.prompt(), Encoder(BertConfig(spec.encoder().bert(), vocab), /*with_head=*/true), num_soft) {
  bert_ = spec.encoder().bert();
}

ModelOutput PromptModel::Forward(const ParamList& params, const Batch& batch) const {
  const size_t own = params_.size();
  TORCH_CHECK(params.size() == own || params.size() == own + 2, "PromptModel: ", params.size(),
              " parameters instead of ", own, " or, with a class head, ", own + 2);
  const Autocast autocast(bfloat16_, params[0].device().type());
  ModelOutput output;
  output.features = encoder_.AtMask(params, params[own - 1], batch);
  const ParamList head = params.size() == own ? ClassHead(params, batch.answers)
                                              : ParamList(params.begin() + static_cast<int64_t>(own), params.end());
  output.logits = at::linear(Read(params, output.features), head[0], head[1]).to(params[0].scalar_type());
  return output;
}

at::Tensor PromptModel::Read(const ParamList& params, const at::Tensor& at_mask) const {
  const at::Tensor transformed = encoder_.Transformed(params, at_mask);
  const size_t scale = encoder_.params().size();
  return encoder_.layout().has_head() ? transformed : transformed * params[scale] + params[scale + 1];
}

ParamList PromptModel::ClassHead(const ParamList& params, const Answers& answers) const {
  return encoder_.ClassHead(params, answers);
}

ParamList PromptModel::WithSoftPrompt(ParamList encoder_params, uint64_t seed) const {
  if (!encoder_.layout().has_head()) {
    encoder_params.push_back(at::ones({encoder_.config().embedding_width}));
    encoder_params.push_back(at::zeros({encoder_.config().embedding_width}));
  }
  const ParamInfo& soft = params_.back();
  const at::Tensor vectors = at::empty(soft.shape, at::kFloat);
  FillNormal(SubSeed(seed, "init/" + soft.name), prompt_.init_std(), vectors.data_ptr<float>(), vectors.numel());
  encoder_params.push_back(vectors);
  return encoder_params;
}

ParamList PromptModel::Init(uint64_t seed) const {
  return WithSoftPrompt(InitialBert(bert_, encoder_.layout(), seed), seed);
}

ParamList PromptModel::Standardised(const ParamList& params, const std::vector<LocalBatch>& texts) const {
  const at::NoGradGuard no_grad;
  std::vector<at::Tensor> reads;
  for (const LocalBatch& one : texts) {
    const ParamList local = LocalParams(params_, params, one.rows);
    reads.push_back(Read(local, encoder_.AtMask(local, local.back(), one.batch)));
  }
  const at::Tensor all = at::cat(reads);
  const at::Tensor std = all.std(0).clamp_min(1e-6);
  ParamList standardised = params;
  const size_t scale = encoder_.layout().has_head() ? encoder_.layout().transform_norm : encoder_.params().size();
  at::Tensor& weight = standardised[scale];
  at::Tensor& bias = standardised[scale + 1];
  weight = weight / std;
  bias = (bias - all.mean(0)) / std;
  return standardised;
}

}  // namespace metaprompt
