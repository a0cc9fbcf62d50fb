#include "metaprompt/prompt_model.h"

#include <ATen/ATen.h>

#include <cmath>

#include "absl/strings/match.h"
#include "metaprompt/base/random.h"

namespace metaprompt {

PromptModel::PromptModel(const ModelSpec& spec, int64_t vocab, int64_t num_soft)
    : spec_(spec), encoder_(spec.encoder().bert(), vocab), params_(encoder_.params()) {
  params_.push_back(
      ParamInfo{"prompt.soft", {num_soft, spec.encoder().bert().width()}, ParamGroup::kPrompt, 0, false, false});
}

double PromptModel::InitialStd(const ParamInfo& info) const {
  const BertSpec& bert = spec_.encoder().bert();
  const auto is = [&](absl::string_view part) { return absl::StrContains(info.name, part); };
  if (info.group == ParamGroup::kPrompt) {
    return spec_.prompt().init_std();
  }
  if (is("word_embeddings")) {
    return bert.init_std();
  }
  // Until training says otherwise a word is the same word wherever it stands, attention is even, and the feed-forward
  // layers add nothing (see Init for the rest).
  const bool silent = is("position_embeddings") || is("token_type_embeddings") || is("attention.self.query") ||
                      (is("output.dense") && !is("attention.output.dense"));
  // A matrix keeps the size of what it multiplies (Glorot and Bengio 2010).
  return silent ? 0.0 : bert.init_gain() / std::sqrt(static_cast<double>(info.shape[1]));
}

ModelOutput PromptModel::Forward(const ParamList& params, const Batch& batch) const {
  const size_t own = params_.size();
  TORCH_CHECK(params.size() == own || params.size() == own + 2, "PromptModel: ", params.size(),
              " parameters instead of ", own, " or, with a class head, ", own + 2);
  ModelOutput output;
  output.features = encoder_.AtMask(params, params[own - 1], batch);
  const ParamList head = params.size() == own ? ClassHead(params, batch.answers)
                                              : ParamList(params.begin() + static_cast<int64_t>(own), params.end());
  output.logits = at::linear(encoder_.Transformed(params, output.features), head[0], head[1]);
  return output;
}

ParamList PromptModel::ClassHead(const ParamList& params, const Answers& answers) const {
  return encoder_.ClassHead(params, answers);
}

ParamList PromptModel::Init(uint64_t seed) const {
  ParamList params;
  for (const ParamInfo& info : params_) {
    at::Tensor param = at::zeros(info.shape, at::kFloat);
    // Values pass through attention and the head as they are: the encoder begins as a bag of words, in the space of the
    // word vectors, where the decoder reads it.
    const bool as_is = absl::StrContains(info.name, "attention.self.value.weight") ||
                       absl::StrContains(info.name, "attention.output.dense.weight") ||
                       absl::StrContains(info.name, "transform.dense.weight");
    if (as_is) {
      param.diagonal().fill_(spec_.encoder().bert().init_gain());
    } else if (const double std = info.shape.size() == 2 ? InitialStd(info) : 0.0; std > 0) {
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

ParamList PromptModel::Standardised(const ParamList& params, const std::vector<LocalBatch>& texts) const {
  const at::NoGradGuard no_grad;
  std::vector<at::Tensor> reads;
  for (const LocalBatch& one : texts) {
    const ParamList local = LocalParams(params_, params, one.rows);
    reads.push_back(encoder_.Transformed(local, encoder_.AtMask(local, local.back(), one.batch)));
  }
  const at::Tensor all = at::cat(reads);
  const at::Tensor std = all.std(0).clamp_min(1e-6);
  ParamList standardised = params;
  at::Tensor& bias = standardised[encoder_.transform_bias()];
  at::Tensor& weight = standardised[encoder_.transform_bias() - 1];
  weight = weight / std;
  bias = (bias - all.mean(0)) / std;
  return standardised;
}

}  // namespace metaprompt
