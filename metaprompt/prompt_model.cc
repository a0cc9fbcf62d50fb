#include "metaprompt/prompt_model.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

#include <algorithm>
#include <cmath>
#include <utility>

#include "absl/strings/match.h"
#include "metaprompt/base/random.h"
#include "metaprompt/encoders/autocast.h"
#include "metaprompt/encoders/gather_rows.h"
#include "metaprompt/encoders/graph_bytes.h"
#include "metaprompt/encoders/initial_values.h"

namespace metaprompt {

namespace {

at::ScalarType ParamType(const Batch& batch) { return batch.attention_bias.scalar_type(); }

// The mean over each text's tokens of rows [N, D]: [B, D], in the parameters' precision.
at::Tensor MeanOfTokens(const at::Tensor& states, const Batch& batch) {
  const at::Tensor padded = GatherRows(states, batch.padded_from, batch.packed_from);
  const at::Tensor lengths = batch.padded_from.ge(0).view({batch.size, batch.longest}).sum(1, /*keepdim=*/true);
  return padded.view({batch.size, batch.longest, -1}).sum(1, /*keepdim=*/false, ParamType(batch)) / lengths;
}

}  // namespace

PromptModel::PromptModel(const ModelSpec& spec, Encoder encoder, int64_t num_soft)
    : spec_(spec),
      encoder_(std::move(encoder)),
      soft_(spec.prompt(), num_soft, encoder_.config().embedding_width),
      params_(encoder_.params()) {
  const bool with_head = encoder_.layout().has_head();
  for (const ParamInfo& info : params_) {
    head_layer_ = std::max(head_layer_, info.layer + (with_head ? 0 : 1));
  }
  const int64_t width = PromptModel::head_width();
  if (!with_head) {
    params_.push_back(ParamInfo{"read.scale", {width}, ParamGroup::kEncoder, head_layer_, false, false});
    params_.push_back(ParamInfo{"read.shift", {width}, ParamGroup::kEncoder, head_layer_, false, false});
  }
  if (spec_.lora().rank() > 0) {
    for (ParamInfo& info : encoder_.AddLora(spec_.lora().rank(), spec_.lora().alpha(), params_.size())) {
      params_.push_back(std::move(info));
    }
  }
  soft_place_ = params_.size();
  params_.insert(params_.end(), soft_.params().begin(), soft_.params().end());
  if (const int length = spec_.prompt().prefix_length(); length > 0) {
    for (ParamInfo& info : encoder_.AddPrefixes(length, params_.size())) {
      params_.push_back(std::move(info));
    }
  }
}

PromptModel::PromptModel(const ModelSpec& spec, int64_t vocab, int64_t num_soft)
    : PromptModel(spec, Encoder(BertConfig(spec.encoder().bert(), vocab), /*with_head=*/true), num_soft) {}

ModelOutput PromptModel::Forward(const ParamList& params, const Batch& batch) const {
  const size_t own = params_.size();
  TORCH_CHECK(params.size() == own || params.size() == own + 2, "PromptModel: ", params.size(),
              " parameters instead of ", own, " or, with a class head, ", own + 2);
  ModelOutput output;
  if (batch.lowered > applied_layers()) {
    output.features = batch.lower[0];
    output.read = batch.lowered == applied_layers() + 1 ? Read(params, batch.lower[1]) : batch.lower[1];
  } else {
    const Hidden hidden = HiddenOf(params, batch);
    output.features = hidden.features;
    output.read = Read(params, hidden.to_read);
  }
  const ParamList head = params.size() == own ? HeadOf(params, batch)
                                              : ParamList(params.begin() + static_cast<int64_t>(own), params.end());
  if (batch.tasks == 1) {
    output.logits = at::linear(output.read, head[0], head[1]);
    return output;
  }
  // Text b of task t with the classes of task t: [M, B / M, E] times [M, E, ways].
  const at::Tensor read = output.read.view({batch.tasks, RowsOf(batch) / batch.tasks, -1});
  const at::Tensor vectors = head[0].reshape({batch.tasks, -1, head_width()});
  const at::Tensor logits = at::bmm(read, vectors.transpose(1, 2)) + head[1].reshape({batch.tasks, 1, vectors.size(1)});
  output.logits = logits.view({RowsOf(batch), -1});
  return output;
}

PromptModel::Hidden PromptModel::HiddenOf(const ParamList& params, const Batch& batch) const {
  const Autocast autocast(bfloat16_, batch.token_ids.device().type());
  const at::Tensor soft = batch.lowered == 0 ? SoftVectors(params) : at::Tensor();
  const auto in_rows = [&](const at::Tensor& of_texts) {
    return batch.repeats.defined() ? at::embedding(of_texts, batch.repeats) : of_texts;
  };
  Hidden hidden;
  if (MasksAlone()) {
    hidden.features = hidden.to_read = in_rows(encoder_.AtMask(params, soft, batch).to(ParamType(batch)));
    return hidden;
  }
  const at::Tensor states = encoder_.States(params, soft, batch);
  const auto seen_as = [&](ModelSpec::Features features) {
    if (features == ModelSpec::MASK) {
      return in_rows(GatherRows(states, batch.mask_from, batch.mask_to).to(ParamType(batch)));
    }
    const at::Tensor mean = MeanOfTokens(states, batch);
    return in_rows(features == ModelSpec::MEAN ? mean
                                               : mean * at::rsqrt(mean.square().sum(-1, /*keepdim=*/true) + 1e-12));
  };
  hidden.features = seen_as(spec_.features());
  hidden.to_read = spec_.read() == spec_.features() ? hidden.features : seen_as(spec_.read());
  return hidden;
}

ParamList PromptModel::HeadOf(const ParamList& params, const Batch& batch) const {
  if (batch.lowered == 0) {
    return ClassHead(params, batch.answers);
  }
  const size_t before = batch.lowered <= applied_layers() ? encoder_.num_lower() : 2;
  const bool vectors = batch.lower.size() > before;
  const bool biases = batch.lower.size() > before + 1;
  return {vectors ? batch.lower[before] : encoder_.ClassVectors(params, batch.answers),
          biases ? batch.lower[before + 1] : encoder_.ClassBiases(params, batch.answers)};
}

Batch PromptModel::Lowered(const ParamList& params, const Batch& batch, int layer) const {
  TORCH_CHECK(batch.lowered == 0, "PromptModel: the batch is lowered already");
  if (layer <= 0) {
    return batch;
  }
  Batch lowered = batch;
  if (layer >= head_layer_) {
    const Hidden hidden = HiddenOf(params, batch);
    const bool head_is_left = layer == head_layer_;
    lowered.lowered = applied_layers() + (head_is_left ? 1 : 2);
    lowered.lower = {hidden.features, head_is_left ? hidden.to_read : Read(params, hidden.to_read)};
    lowered.lower_rows = {LowerRow::kRow, LowerRow::kRow};
  } else {
    const std::vector<LayerPlaces>& layers = encoder_.layout().layers;
    const auto below = [&](const LayerPlaces& one) { return one.number < layer; };
    const auto first = std::find_if_not(layers.begin(), layers.end(), below);
    const bool come_again = std::any_of(first, layers.end(), below);
    const Autocast autocast(bfloat16_, batch.token_ids.device().type());
    lowered.lowered = come_again ? 1 : static_cast<int>(first - layers.begin()) + 1;
    lowered.lower = encoder_.StatesBefore(params, SoftVectors(params), batch, lowered.lowered);
    lowered.lower_rows = {LowerRow::kToken};
  }
  if (params.size() == params_.size()) {
    const EncoderLayout& layout = encoder_.layout();
    if (layout.params[layout.decoder].layer < layer) {
      lowered.lower.push_back(encoder_.ClassVectors(params, batch.answers));
      if (layer > head_layer_) {
        lowered.lower.push_back(encoder_.ClassBiases(params, batch.answers));
      }
    }
  }
  lowered.lower_rows.resize(lowered.lower.size(), LowerRow::kOther);
  return lowered;
}

at::Tensor PromptModel::SoftVectors(const ParamList& params) const {
  return soft_.Vectors(absl::MakeConstSpan(params).subspan(soft_place_, soft_.params().size()));
}

double PromptModel::GraphBytes(const Batch& batch) const {
  GraphParts parts;
  parts.layers = applied_layers();
  parts.masks_alone = MasksAlone();
  parts.with_head = encoder_.layout().has_head();
  parts.lora_rank = spec_.lora().rank();
  parts.prefix_length = spec_.prompt().prefix_length();
  parts.bfloat16 = bfloat16_;
  return metaprompt::GraphBytes(encoder_.config(), batch, parts);
}

at::Tensor PromptModel::Read(const ParamList& params, const at::Tensor& to_read) const {
  const at::Tensor transformed = encoder_.Transformed(params, to_read);
  const size_t scale = encoder_.params().size();
  return encoder_.layout().has_head() ? transformed : transformed * params[scale] + params[scale + 1];
}

ParamList PromptModel::ClassHead(const ParamList& params, const Answers& answers) const {
  return {encoder_.ClassVectors(params, answers), encoder_.ClassBiases(params, answers)};
}

ParamList PromptModel::WithSoftPrompt(ParamList encoder_params, uint64_t seed) const {
  if (!encoder_.layout().has_head()) {
    encoder_params.push_back(at::ones({encoder_.config().embedding_width}));
    encoder_params.push_back(at::zeros({encoder_.config().embedding_width}));
  }
  for (size_t i = encoder_params.size(); i < soft_place_; ++i) {
    const ParamInfo& info = params_[i];
    const at::Tensor values = at::zeros(info.shape, at::kFloat);
    if (absl::EndsWith(info.name, ".A")) {
      const double std = 1 / std::sqrt(static_cast<double>(info.shape[1]));
      FillNormal(SubSeed(seed, "init/" + info.name), std, values.data_ptr<float>(), values.numel());
    }
    encoder_params.push_back(values);
  }
  for (const at::Tensor& values : soft_.Init(seed)) {
    encoder_params.push_back(values);
  }
  for (size_t i = encoder_params.size(); i < params_.size(); ++i) {  // prefixes
    const at::Tensor values = at::empty(params_[i].shape, at::kFloat);
    FillNormal(SubSeed(seed, "init/" + params_[i].name), spec_.prompt().init_std(), values.data_ptr<float>(),
               values.numel());
    encoder_params.push_back(values);
  }
  return encoder_params;
}

ParamList PromptModel::Init(uint64_t seed) const {
  return WithSoftPrompt(InitialBert(spec_.encoder().bert(), encoder_.layout(), seed), seed);
}

ParamList PromptModel::Standardised(const ParamList& params, const std::vector<LocalBatch>& texts) const {
  const at::NoGradGuard no_grad;
  std::vector<at::Tensor> reads;
  for (const LocalBatch& one : texts) {
    const ParamList local = LocalParams(params_, params, one.rows);
    reads.push_back(Read(local, HiddenOf(local, one.batch).to_read));
  }
  const at::Tensor all = at::cat(reads);
  // What never varies stays as it is: blown up, it would drown the rest as soon as training makes it vary.
  const at::Tensor spread = all.std(0);
  const at::Tensor std = at::where(spread.gt(1e-6), spread, at::ones_like(spread));
  ParamList standardised = params;
  const size_t scale = encoder_.layout().has_head() ? encoder_.layout().transform_norm : encoder_.params().size();
  at::Tensor& weight = standardised[scale];
  at::Tensor& bias = standardised[scale + 1];
  weight = weight / std;
  bias = (bias - all.mean(0)) / std;
  return standardised;
}

}  // namespace metaprompt
