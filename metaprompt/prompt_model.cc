#include "metaprompt/prompt_model.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <utility>

#include "absl/strings/match.h"
#include "metaprompt/base/random.h"
#include "metaprompt/encoders/decoder.h"
#include "metaprompt/encoders/dropout_rates.h"
#include "metaprompt/encoders/graph_bytes.h"
#include "metaprompt/encoders/initial_values.h"
#include "metaprompt/encoders/initial_vit.h"
#include "metaprompt/operations/autocast.h"
#include "metaprompt/operations/gather_rows.h"
#include "metaprompt/operations/mean_of_tokens.h"
#include "metaprompt/prompts/answer_paths.h"
#include "metaprompt/prompts/pack_texts.h"

namespace metaprompt {

namespace {

// In-context learning computes about this many tokens at a time, so that memory does not grow with the number of texts.
constexpr int64_t kBatchTokens = 4096;

}  // namespace

PromptModel::PromptModel(const ModelSpec& spec, Encoder encoder, int64_t num_soft)
    : spec_(spec),
      encoder_(std::move(encoder)),
      soft_(spec.prompt(), num_soft, encoder_.config().embedding_width),
      params_(encoder_.params()) {
  dropout_ = RatesOf(spec.dropout(), encoder_.config());
  head_layer_ = encoder_.layout().head_layer();
  const int64_t width = encoder_.config().embedding_width;
  if (!encoder_.layout().has_head()) {
    params_.push_back(ParamInfo{"read.scale", {width}, ParamGroup::kEncoder, head_layer_, false, false});
    params_.push_back(ParamInfo{"read.shift", {width}, ParamGroup::kEncoder, head_layer_, false, false});
  }
  if (spec_.lora().rank() > 0) {
    for (ParamInfo& info : encoder_.AddLora(spec_.lora().rank(), spec_.lora().alpha(), params_.size())) {
      params_.push_back(std::move(info));
    }
  }
  for (const ParamInfo& info : params_) {
    top_layer_ = std::max(top_layer_, info.layer);
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

ModelOutput PromptModel::Forward(const ModelParams& all, const Batch& batch) const {
  TORCH_CHECK(all.params.size() == params_.size(), "PromptModel: ", all.params.size(), " parameters instead of ",
              params_.size());
  ModelOutput output = Uncalibrated(all, batch);
  if (!content_free_.empty()) {
    const at::Tensor logits = output.logits.view({batch.tasks, -1, output.logits.size(1)});
    output.logits = (logits - ContentFreeLogits(all, batch).unsqueeze(1)).view_as(output.logits);
  }
  return output;
}

int64_t PromptModel::longest_content_free() const {
  size_t longest = 0;
  for (const PromptedText& text : content_free_) {
    longest = std::max(longest, text.ids.size());
  }
  return static_cast<int64_t>(longest);
}

Batch PromptModel::ContentFree(const Batch& batch) const {
  const TextInputs& texts = TextsOf(batch);
  std::vector<PromptedText> of_tasks;
  for (int64_t t = 0; t < batch.tasks; ++t) {
    of_tasks.insert(of_tasks.end(), content_free_.begin(), content_free_.end());
  }
  Batch content_free;
  content_free.tasks = batch.tasks;
  content_free.ways = batch.ways;
  content_free.seed = SubSeed(batch.seed, "content-free");
  content_free.dropout = batch.dropout;
  content_free.inputs = OnDevice(PackTexts(of_tasks, texts.answers(), texts.uncounted()), texts.ids().device());
  content_free.labels = at::zeros({static_cast<int64_t>(of_tasks.size())}, texts.ids().options());  // unused
  return content_free;
}

at::Tensor PromptModel::ContentFreeLogits(const ModelParams& all, const Batch& batch) const {
  const auto count = static_cast<int64_t>(content_free_.size());
  const at::Tensor logits = Uncalibrated(all, ContentFree(batch)).logits.view({batch.tasks, count, -1});
  return at::logsumexp(at::log_softmax(logits, -1), 1) - std::log(static_cast<double>(count));
}

ModelOutput PromptModel::Scored(const ModelParams& all, const Batch& batch) const {
  const int64_t rows = RowsOf(batch);
  const int64_t step = ScoredAtOnce(batch);
  if (step >= rows) {
    return ScoredTogether(all, batch);
  }
  std::vector<ModelOutput> parts;
  for (int64_t first = 0; first < rows; first += step) {
    std::vector<int64_t> some(static_cast<size_t>(std::min(step, rows - first)));
    std::iota(some.begin(), some.end(), first);
    parts.push_back(ScoredTogether(all, SelectRows(batch, some)));
  }
  const auto joined = [&](at::Tensor ModelOutput::* tensor) {
    std::vector<at::Tensor> tensors;
    for (const ModelOutput& part : parts) {
      tensors.push_back(part.*tensor);
    }
    return at::cat(tensors);
  };
  ModelOutput output;
  output.features = joined(&ModelOutput::features);
  output.read = output.features;
  output.logits = joined(&ModelOutput::logits);
  return output;
}

int64_t PromptModel::ScoredAtOnce(const Batch& batch) const {
  if (at::GradMode::is_enabled() || batch.tasks > 1 || !TextsOf(batch).answers().context.defined()) {
    return RowsOf(batch);
  }
  const Batch first = SelectRows(batch, {0});
  const AnswerPaths paths = PathsOf(TextsOf(first), /*tasks=*/1, spec_.verbalizer().sequence().reduce());
  const int64_t longest = paths.inputs.longest() + TextsOf(batch).longest() - TextsOf(first).longest();
  return std::max<int64_t>(1, kBatchTokens / (paths.inputs.size() * longest));
}

ModelOutput PromptModel::ScoredTogether(const ModelParams& all, const Batch& batch) const {
  TORCH_CHECK(all.head.empty(), "PromptModel: there are no class vectors where answers are scored as sequences");
  const ParamList& params = all.params;
  const AnswerPaths paths = PathsOf(TextsOf(batch), batch.tasks, spec_.verbalizer().sequence().reduce());
  // The decoder, if there is one, reads the answers, and the encoder the texts.
  const bool decodes = encoder_.config().has_decoder();
  const TextInputs& texts = decodes ? TextsOf(batch) : paths.inputs;
  TORCH_CHECK(texts.longest() <= encoder_.max_tokens(), "PromptModel: texts with their context and answers have ",
              texts.longest(), " tokens, and the model takes ", encoder_.max_tokens());
  at::Tensor read;  // [K, D]
  {
    const Autocast autocast(bfloat16_, paths.inputs.ids().device().type());
    at::Tensor states = encoder_.States(params, texts, EmbeddedTexts(params, batch, texts), DropoutOf(batch));
    states = decodes ? encoder_.DecoderStates(params, texts, states, paths.inputs, DropoutOf(batch)) : states;
    read = GatherRows(states, paths.read_from, paths.read_to).to(ParamType(params));
  }
  const auto in_rows = [&](const at::Tensor& of_texts) {
    return batch.repeats.defined() ? at::embedding(of_texts, batch.repeats) : of_texts;
  };
  ModelOutput output;
  output.features = in_rows(read.index_select(0, paths.last));
  output.read = output.features;
  output.logits = in_rows(AnswerScores(paths, encoder_.VocabularyLogits(params, encoder_.Transformed(params, read))));
  return output;
}

ModelOutput PromptModel::Uncalibrated(const ModelParams& all, const Batch& batch) const {
  if (ScoresSequences()) {
    return Scored(all, batch);
  }
  const ParamList& params = all.params;
  TORCH_CHECK(all.head.empty() || all.head.size() == 2, "PromptModel: a class head of ", all.head.size(),
              " tensors instead of vectors and biases");
  const PromptCache* const cache = CacheOf(batch);
  ModelOutput output;
  if (cache != nullptr && std::holds_alternative<PromptCache::ClassHeadLeft>(cache->left)) {
    const auto& left = std::get<PromptCache::ClassHeadLeft>(cache->left);
    output.features = left.features;
    output.read = left.read;
  } else {
    const Hidden hidden = cache == nullptr ? HiddenOf(params, batch, EmbeddedOf(params, batch))
                          : std::holds_alternative<Hidden>(cache->left)
                              ? std::get<Hidden>(cache->left)
                              : HiddenOf(params, batch, std::get<PromptCache::LayersLeft>(cache->left).encoder);
    output.features = hidden.features;
    output.read = Read(params, hidden.to_read);
  }
  ParamList head = all.head;
  if (head.empty() && !HasWords()) {
    head = ClassHead(params, batch);
  } else if (head.empty()) {
    const Answers& answers = TextsOf(batch).answers();
    const bool vectors = cache != nullptr && cache->class_vectors.defined();
    const bool biases = cache != nullptr && cache->class_biases.defined();
    head = {vectors ? cache->class_vectors : encoder_.ClassVectors(params, answers),
            biases ? cache->class_biases : encoder_.ClassBiases(params, answers)};
  }
  if (batch.tasks == 1) {
    output.logits = at::linear(output.read, head[0], head[1]);
    return output;
  }
  // The rows of each task times the class vectors of this task: [M, R / M, E] times [M, E, ways].
  const at::Tensor read = output.read.view({batch.tasks, RowsOf(batch) / batch.tasks, -1});
  const at::Tensor vectors = head[0].reshape({batch.tasks, -1, head[0].size(-1)});
  const at::Tensor logits = at::bmm(read, vectors.transpose(1, 2)) + head[1].reshape({batch.tasks, 1, vectors.size(1)});
  output.logits = logits.view({RowsOf(batch), -1});
  return output;
}

at::ScalarType PromptModel::ParamType(const ParamList& params) const {
  // With a cache, the parameters of the cached layers may be undefined.
  const auto given = std::find_if(params.begin(), params.end(), [](const at::Tensor& one) { return one.defined(); });
  TORCH_CHECK(given != params.end(), "PromptModel: no parameter");
  return given->scalar_type();
}

Dropout PromptModel::DropoutOf(const Batch& batch) const {
  return batch.dropout ? Dropout{dropout_.hidden, dropout_.attention, batch.seed} : Dropout{};
}

at::Tensor PromptModel::SoftOfTasks(const ParamList& params, int64_t tasks) const {
  const at::Tensor soft = SoftVectors(params);
  return soft.dim() == 2 && tasks > 1 ? soft.repeat({tasks, 1}).view({tasks, soft.size(0), soft.size(1)}) : soft;
}

EncoderState PromptModel::EmbeddedOf(const ParamList& params, const Batch& batch) const {
  const auto* images = std::get_if<ImageInputs>(&batch.inputs);
  if (images == nullptr) {
    return EmbeddedTexts(params, batch, TextsOf(batch));
  }
  const Autocast autocast(bfloat16_, images->pixels().device().type());
  return encoder_.Embedded(params, SoftOfTasks(params, batch.tasks), *images, DropoutOf(batch));
}

EncoderState PromptModel::EmbeddedTexts(const ParamList& params, const Batch& batch, const TextInputs& texts) const {
  const Autocast autocast(bfloat16_, texts.ids().device().type());
  return encoder_.Embedded(params, SoftOfTasks(params, batch.tasks), texts, DropoutOf(batch));
}

PromptModel::Hidden PromptModel::HiddenOf(const ParamList& params, const Batch& batch, const EncoderState& from) const {
  const TextInputs& texts = SequencesOf(batch);
  const Autocast autocast(bfloat16_, texts.ids().device().type());
  const at::ScalarType type = ParamType(params);
  const auto in_rows = [&](const at::Tensor& of_texts) {
    return batch.repeats.defined() ? at::embedding(of_texts, batch.repeats) : of_texts;
  };
  Hidden hidden;
  if (SlotsAlone()) {
    hidden.features = hidden.to_read = in_rows(encoder_.StatesToRead(params, texts, from, DropoutOf(batch)).to(type));
    return hidden;
  }
  const at::Tensor states = encoder_.States(params, texts, from, DropoutOf(batch));
  const auto seen_as = [&](ModelSpec::Features features) {
    if (features == ModelSpec::MASK) {
      return in_rows(encoder_.ReadStates(params, texts, from, states, DropoutOf(batch)).to(type));
    }
    const at::Tensor mean = MeanOfTokens(states, texts, type);
    return in_rows(features == ModelSpec::MEAN ? mean : UnitVectors(mean));
  };
  hidden.features = seen_as(spec_.features());
  hidden.to_read = spec_.read() == spec_.features() ? hidden.features : seen_as(spec_.read());
  return hidden;
}

Batch PromptModel::CacheBelow(const ModelParams& all, const Batch& batch, int layer) const {
  TORCH_CHECK(batch.cached == nullptr, "PromptModel: the batch has a cache already");
  if (layer <= 0 || (batch.dropout && drops()) ||  // each pass draws other masks
      ScoresSequences() || !content_free_.empty()) {
    return batch;
  }
  Batch lowered = batch;
  lowered.cached = ComputedBelow(all, batch, layer);
  return lowered;
}

std::shared_ptr<const PromptCache> PromptModel::ComputedBelow(const ModelParams& all, const Batch& batch,
                                                              int layer) const {
  const ParamList& params = all.params;
  auto cache = std::make_shared<PromptCache>();
  if (layer >= head_layer_) {
    const Hidden hidden = HiddenOf(params, batch, EmbeddedOf(params, batch));
    if (layer <= top_layer_) {
      cache->left = hidden;
    } else {
      cache->left = PromptCache::ClassHeadLeft{hidden.features, Read(params, hidden.to_read)};
    }
  } else {
    const std::vector<LayerPlaces>& layers = encoder_.layout().layers;
    const auto below = [&](const LayerPlaces& one) { return one.number < layer; };
    const auto first = std::find_if_not(layers.begin(), layers.end(), below);
    // If layers below `layer` are applied again after others, only the embeddings are cached.
    const bool come_again = std::any_of(first, layers.end(), below);
    const TextInputs& texts = SequencesOf(batch);
    const Autocast autocast(bfloat16_, texts.ids().device().type());
    const std::vector<DecoderPlaces>& decoder = encoder_.layout().decoder_layers;
    const auto done = (first - layers.begin()) +
                      std::count_if(decoder.begin(), decoder.end(), [&](const auto& one) { return below(one.own); });
    EncoderState state =
        encoder_.Advanced(params, texts, EmbeddedOf(params, batch), come_again ? 0 : static_cast<size_t>(done));
    for (at::Tensor* shared : {&state.relative_bias, &state.distances, &state.decoder_bias}) {
      if (shared->defined()) {
        *shared = shared->view_as(*shared);  // not the parameter itself, but a function of it
      }
    }
    cache->left = PromptCache::LayersLeft{state};
  }
  if (all.head.empty() && HasWords()) {
    const EncoderLayout& layout = encoder_.layout();
    if (layout.params[layout.decoder].layer < layer) {
      cache->class_vectors = encoder_.ClassVectors(params, TextsOf(batch).answers());
      if (layer > top_layer_) {
        cache->class_biases = encoder_.ClassBiases(params, TextsOf(batch).answers());
      }
    }
  }
  return cache;
}

size_t PromptModel::read_scale_place() const {
  TORCH_CHECK(encoder_.layout().has_head() == (encoder_.layout().transform != kNoParam),
              "PromptModel::read_scale_place: the decoder of a causal model reads the states as they are");
  return encoder_.layout().has_head() ? encoder_.layout().transform_norm : encoder_.params().size();
}

at::Tensor PromptModel::SoftVectors(const ParamList& params) const {
  return soft_.Vectors(absl::MakeConstSpan(params).subspan(soft_place_, soft_.params().size()));
}

double PromptModel::GraphBytes(const Batch& batch) const {
  return UncalibratedBytes(batch) + (content_free_.empty() ? 0 : UncalibratedBytes(ContentFree(batch)));
}

double PromptModel::UncalibratedBytes(const Batch& batch) const {
  const PromptCache* const cache = CacheOf(batch);
  const auto* layers = cache == nullptr ? nullptr : std::get_if<PromptCache::LayersLeft>(&cache->left);
  const bool class_head_alone = cache != nullptr && std::holds_alternative<PromptCache::ClassHeadLeft>(cache->left);
  const EncoderConfig& config = encoder_.config();
  GraphParts parts;
  parts.layers = static_cast<int64_t>(encoder_.num_layers());
  const int64_t all = parts.layers + config.decoder_layers;  // the decoder's layers follow the encoder's
  const int64_t first = cache == nullptr ? 0 : layers != nullptr ? static_cast<int64_t>(layers->encoder.next) : all;
  parts.first = std::min(first, parts.layers);
  parts.embeddings = cache == nullptr;
  parts.slots_alone = SlotsAlone() && !config.has_decoder();
  parts.head_rows = encoder_.layout().transform != kNoParam && !class_head_alone ? RowsOf(batch) : 0;
  parts.lora_rank = spec_.lora().rank();
  parts.prefix_length = spec_.prompt().prefix_length();
  parts.bfloat16 = bfloat16_;
  const at::Tensor& weights = SequencesOf(batch).answers().weights;
  parts.parameter_bytes = weights.defined() ? weights.element_size() : sizeof(float);
  GraphParts of_decoder = parts;
  of_decoder.layers = config.decoder_layers;
  of_decoder.first = first - parts.first;
  if (!ScoresSequences()) {
    const TextInputs& texts = SequencesOf(batch);
    return metaprompt::GraphBytes(config, texts, parts) +
           (config.has_decoder() ? DecoderGraphBytes(config, texts, DecoderStart(texts), of_decoder) : 0);
  }
  parts.slots_alone = false;
  const AnswerPaths paths = PathsOf(TextsOf(batch), batch.tasks, spec_.verbalizer().sequence().reduce());
  const auto predictions = static_cast<double>(paths.read_from.size(0));
  // The states that the decoder reads, and log-softmax's result.
  const double per_prediction = static_cast<double>(config.width + config.vocab_size);
  const TextInputs& texts = config.has_decoder() ? TextsOf(batch) : paths.inputs;
  return metaprompt::GraphBytes(config, texts, parts) + DecoderGraphBytes(config, texts, paths.inputs, of_decoder) +
         predictions * per_prediction * static_cast<double>(parts.parameter_bytes);
}

at::Tensor PromptModel::Read(const ParamList& params, const at::Tensor& to_read) const {
  const at::Tensor transformed = encoder_.Transformed(params, to_read);
  const size_t scale = encoder_.params().size();
  return encoder_.layout().has_head() ? transformed : transformed * params[scale] + params[scale + 1];
}

bool PromptModel::HasWords() const { return encoder_.layout().decoder != kNoParam; }

ParamList PromptModel::ClassHead(const ParamList& params, const Batch& batch) const {
  if (ScoresSequences()) {
    return {};
  }
  if (!HasWords()) {
    const at::TensorOptions options = batch.labels.options().dtype(ParamType(params));
    const int64_t classes = batch.tasks * batch.ways;
    return {at::zeros({classes, head_width()}, options), at::zeros({classes}, options)};
  }
  const Answers& answers = TextsOf(batch).answers();
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
  if (spec_.encoder().has_vit()) {
    return WithSoftPrompt(InitialVit(spec_.encoder().vit(), encoder_.layout(), seed), seed);
  }
  return WithSoftPrompt(InitialBert(spec_.encoder().bert(), encoder_.layout(), seed), seed);
}

ParamList PromptModel::Standardised(const ParamList& params, const std::vector<LocalBatch>& texts) const {
  const at::NoGradGuard no_grad;
  std::vector<at::Tensor> reads;
  for (const LocalBatch& one : texts) {
    const ParamList local = LocalParams(params_, params, one.rows);
    reads.push_back(Read(local, HiddenOf(local, one.batch, EmbeddedOf(local, one.batch)).to_read));
  }
  const at::Tensor all = at::cat(reads);
  // A dimension that does not vary keeps its scale. If it were scaled up, it would dominate all others as soon as
  // training makes it vary.
  const at::Tensor spread = all.std(0);
  const at::Tensor std = at::where(spread.gt(1e-6), spread, at::ones_like(spread));
  ParamList standardised = params;
  const size_t scale = read_scale_place();
  at::Tensor& weight = standardised[scale];
  TORCH_CHECK(!encoder_.layout().has_head() || encoder_.layout().BiasOf(scale) != kNoParam,
              "PromptModel::Standardised: the head's norm has no bias");
  at::Tensor& bias = standardised[scale + 1];
  weight = weight / std;
  bias = (bias - all.mean(0)) / std;
  return standardised;
}

}  // namespace metaprompt
