#include "experiments/fine_tuning/encoder_classifier.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <set>
#include <variant>

#include "metaprompt/base/random.h"
#include "metaprompt/encoders/dropout_rates.h"
#include "metaprompt/operations/autocast.h"
#include "metaprompt/operations/mean_of_tokens.h"

namespace metaprompt {
namespace {

constexpr double kClassifierStd = 0.02;  // initializer_range of BERT and ViT

// The indices of the parameters that only the masked-language-model head uses.
std::set<size_t> HeadPlaces(const EncoderLayout& layout) {
  std::set<size_t> places;
  if (!layout.has_head()) {
    return places;
  }
  for (const size_t place : {layout.transform, layout.transform_norm}) {
    if (place == kNoParam) {
      continue;  // a causal model, whose decoder reads the states without a head
    }
    places.insert(place);
    if (layout.BiasOf(place) != kNoParam) {
      places.insert(layout.BiasOf(place));
    }
  }
  if (layout.decoder != layout.words) {
    places.insert(layout.decoder);
  }
  if (layout.decoder_bias != kNoParam) {
    places.insert(layout.decoder_bias);
  }
  return places;
}

}  // namespace

EncoderClassifier::EncoderClassifier(const FineTuningSpec& spec, const Encoder* encoder, int64_t classes)
    : encoder_(*encoder), read_(spec.read()), bfloat16_(spec.precision() == ExperimentSpec::BFLOAT16) {
  const EncoderConfig& config = encoder_.config();
  dropout_ = RatesOf(spec.dropout(), config);
  const std::set<size_t> head = HeadPlaces(encoder_.layout());
  int top = 0;
  for (size_t i = 0; i < encoder_.params().size(); ++i) {
    if (head.count(i) == 0) {
      places_.push_back(i);
      infos_.push_back(encoder_.params()[i]);
      top = std::max(top, infos_.back().layer);
    }
  }
  ParamInfo weight;
  weight.name = "classifier.weight";
  weight.shape = {classes, config.width};
  weight.layer = top + 1;
  weight.decay = true;
  infos_.push_back(weight);
  ParamInfo bias;
  bias.name = "classifier.bias";
  bias.shape = {classes};
  bias.layer = top + 1;
  infos_.push_back(bias);
}

ParamList EncoderClassifier::Start(const ParamList& encoder_params, uint64_t seed) const {
  ParamList params;
  for (const size_t place : places_) {
    params.push_back(encoder_params[place]);
  }
  const ParamInfo& weight = infos_[places_.size()];
  const at::Tensor values = at::empty(weight.shape, at::kFloat);
  FillNormal(SubSeed(seed, "init/" + weight.name), kClassifierStd, values.data_ptr<float>(), values.numel());
  params.push_back(values);
  params.push_back(at::zeros(infos_.back().shape, at::kFloat));
  return params;
}

ParamList EncoderClassifier::EncoderParams(const ParamList& params) const {
  ParamList by_place(encoder_.params().size());
  for (size_t i = 0; i < places_.size(); ++i) {
    by_place[places_[i]] = params[i];
  }
  return by_place;
}

at::Tensor EncoderClassifier::Logits(const ParamList& params, const Inputs& inputs,
                                     const uint64_t* dropout_seed) const {
  const auto* const images = std::get_if<ImageInputs>(&inputs);
  const TextInputs& tokens = images != nullptr ? images->tokens() : std::get<TextInputs>(inputs);
  const at::Tensor& weight = params[params.size() - 2];
  const at::Tensor& bias = params[params.size() - 1];
  const ParamList by_place = EncoderParams(params);
  Dropout dropout;
  if (dropout_seed != nullptr) {
    dropout = dropout_;
    dropout.seed = *dropout_seed;
  }
  at::Tensor vectors;
  {
    const Autocast autocast(bfloat16_, tokens.ids().device().type());
    const EncoderState embedded = images != nullptr ? encoder_.Embedded(by_place, at::Tensor(), *images, dropout)
                                                    : encoder_.Embedded(by_place, at::Tensor(), tokens, dropout);
    vectors = read_ == FineTuningSpec::MEAN
                  ? MeanOfTokens(encoder_.States(by_place, tokens, embedded, dropout), tokens, weight.scalar_type())
                  : encoder_.StatesToRead(by_place, tokens, embedded, dropout);
  }
  vectors = vectors.to(weight.scalar_type());
  if (dropout.hidden > 0) {
    // The next dropout place after the encoder's last one (see dropout.h).
    const auto place = 3 * static_cast<int64_t>(encoder_.num_layers()) + 1;
    vectors = DroppedRows(vectors, dropout.hidden, PlaceSeed(dropout.seed, place), at::Tensor());
  }
  return at::linear(vectors, weight, bias);
}

ParamList EncoderClassifier::WithHead(const ParamList& params, const ParamList& encoder_params) const {
  ParamList all = encoder_params;
  for (size_t i = 0; i < places_.size(); ++i) {
    all[places_[i]] = params[i];
  }
  return all;
}

ParamList EncoderClassifier::ClassifierOf(const ParamList& params) const {
  return {params[params.size() - 2], params[params.size() - 1]};
}

}  // namespace metaprompt
