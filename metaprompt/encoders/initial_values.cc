#include "metaprompt/encoders/initial_values.h"

#include <ATen/ATen.h>

#include <cmath>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "metaprompt/base/random.h"

namespace metaprompt {
namespace {

double InitialStd(const BertSpec& spec, const ParamInfo& info) {
  const auto is = [&](absl::string_view part) { return absl::StrContains(info.name, part); };
  if (is("word_embeddings")) {
    return spec.init_std();
  }
  // At first, positions have no effect, attention is uniform, and the feed-forward layers add nothing. (For the other
  // matrices see InitialBert.)
  const bool silent = is("position_embeddings") || is("token_type_embeddings") || is("attention.self.query") ||
                      (is("output.dense") && !is("attention.output.dense"));
  // With this standard deviation, a product has the scale of its input (Glorot and Bengio 2010).
  return silent ? 0.0 : spec.init_gain() / std::sqrt(static_cast<double>(info.shape[1]));
}

}  // namespace

absl::Status CheckBert(const BertSpec& spec) {
  if (spec.width() % spec.heads() != 0) {
    return absl::InvalidArgumentError(
        absl::StrCat("model.encoder.bert.width is ", spec.width(), "; it must be a multiple of heads, ", spec.heads()));
  }
  return absl::OkStatus();
}

EncoderConfig BertConfig(const BertSpec& spec, int64_t vocab) {
  EncoderConfig config;
  config.vocab_size = vocab;
  config.width = spec.width();
  config.embedding_width = spec.width();
  config.layers = spec.layers();
  config.heads = spec.heads();
  config.intermediate = spec.intermediate();
  config.max_positions = spec.max_positions();
  config.layer_groups = spec.layers();
  config.activation = spec.activation() == BertSpec::RELU ? Activation::kRelu : Activation::kGelu;
  config.head_activation = config.activation;
  config.layer_norm_eps = spec.layer_norm_eps();
  config.initializer_range = spec.init_std();
  return config;
}

ParamList InitialBert(const BertSpec& spec, const EncoderLayout& layout, uint64_t seed) {
  ParamList params;
  for (const ParamInfo& info : layout.params) {
    at::Tensor param = at::zeros(info.shape, at::kFloat);
    // With init_gain 1, values pass through attention and the head unchanged. So the encoder starts as a bag of words
    // in the space of the word vectors, which is also the decoder's.
    const bool as_is = absl::StrContains(info.name, "attention.self.value.weight") ||
                       absl::StrContains(info.name, "attention.output.dense.weight") ||
                       absl::StrContains(info.name, "transform.dense.weight");
    if (as_is) {
      param.diagonal().fill_(spec.init_gain());
    } else if (const double std = info.shape.size() == 2 ? InitialStd(spec, info) : 0.0; std > 0) {
      FillNormal(SubSeed(seed, "init/" + info.name), std, param.data_ptr<float>(), param.numel());
    } else if (absl::EndsWith(info.name, "LayerNorm.weight")) {
      param.fill_(1);
    }
    params.push_back(param);
  }
  return params;
}

}  // namespace metaprompt
