#include "experiments/runs/workbench.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <set>

#include "absl/strings/str_cat.h"
#include "experiments/host/device.h"
#include "experiments/spec.h"
#include "metaprompt/base/files.h"
#include "metaprompt/base/hash.h"
#include "metaprompt/checkpoints/checkpoint.h"
#include "metaprompt/encoders/config_json.h"
#include "metaprompt/encoders/initial_values.h"
#include "metaprompt/prompts/soft_prompt.h"
#include "metaprompt/tokenizers/tokenizer_folder.h"

namespace metaprompt {
namespace {

constexpr int64_t kStandardisingEpisodes = 20;

DatasetFacts FactsOf(const Dataset& dataset) {
  DatasetFacts facts;
  facts.set_name(dataset.name);
  facts.set_content_sha256(ContentSha256(dataset));
  facts.set_texts(dataset.NumTexts());
  facts.set_train_classes(static_cast<int>(dataset.Of(Split::kTrain).size()));
  facts.set_valid_classes(static_cast<int>(dataset.Of(Split::kValid).size()));
  facts.set_test_classes(static_cast<int>(dataset.Of(Split::kTest).size()));
  facts.set_dropped_duplicates(dataset.dropped_duplicates);
  if (!dataset.distribution.empty()) {
    facts.set_distribution(dataset.distribution);
  }
  if (!dataset.split_name.empty()) {
    facts.set_split(dataset.split_name);
  }
  if (dataset.empty_texts > 0) {
    facts.set_empty_texts(dataset.empty_texts);
  }
  if (dataset.skipped_bad_lines > 0) {
    facts.set_skipped_bad_lines(dataset.skipped_bad_lines);
  }
  return facts;
}

}  // namespace

Workbench::MetaTestAccess::MetaTestAccess(Workbench* bench) : bench_(bench) {
  bench_->in_meta_test_ = true;
  bench_->dataset_.SetSealed(Split::kTest, false);
}

Workbench::MetaTestAccess::~MetaTestAccess() {
  bench_->in_meta_test_ = false;
  bench_->dataset_.SetSealed(Split::kTest, true);
}

absl::StatusOr<EpisodeSampler> SamplerOf(const ExperimentSpec& spec, const Dataset& dataset, Split split, int shots) {
  std::vector<ClassSize> sizes;
  for (const TextClass* one : dataset.Of(split)) {
    sizes.push_back(ClassSize{one->label, static_cast<int64_t>(one->texts.size())});
  }
  EpisodeShape shape;
  shape.ways = spec.episodes().ways();
  shape.shots = shots;
  shape.queries = spec.episodes().queries();
  if (split == Split::kTrain) {
    shape.borrowed_answers = spec.episodes().borrowed_answers();
    shape.ways = TrainWays(spec.episodes());
    shape.queries = TrainQueries(spec.episodes());
    if (spec.episodes().train_ways() > 0 && shape.ways > static_cast<int64_t>(sizes.size())) {
      return absl::InvalidArgumentError(
          absl::StrCat("episodes.train_ways is ", shape.ways, ", but there are only ", sizes.size(), " train classes"));
    }
  }
  return EpisodeSampler::Create(std::move(sizes), shape, spec.seed(), SplitName(split));
}

absl::Status Workbench::OpenTokenizer(const TokenizerFiles& files) {
  absl::StatusOr<std::unique_ptr<Tokenizer>> tokenizer = absl::InternalError("");
  if (spec_.model().encoder().has_checkpoint()) {
    const std::string& folder = spec_.model().encoder().checkpoint().path();
    const absl::StatusOr<TokenizerFiles> there = ReadTokenizerFiles(folder);
    if (!there.ok()) {
      return there.status();
    }
    tokenizer = MakeTokenizer(*there, folder);
  } else if (!files.empty()) {
    tokenizer = LoadSentencePiece(files.at(kSentencePieceFile), kSentencePieceFile);
  } else if (const std::string& path = spec_.model().tokenizer().path(); !path.empty()) {
    absl::StatusOr<std::string> bytes = ReadFile(path);
    if (!bytes.ok()) {
      return bytes.status();
    }
    tokenizer = LoadSentencePiece(*std::move(bytes), path);
  } else {
    std::vector<std::string> texts;
    for (const TextClass* one : dataset_.Of(Split::kTrain)) {
      texts.insert(texts.end(), one->texts.begin(), one->texts.end());
    }
    absl::StatusOr<std::string> bytes = TrainSentencePiece(texts, spec_.model().tokenizer().vocab_size());
    if (!bytes.ok()) {
      return bytes.status();
    }
    tokenizer = LoadSentencePiece(*std::move(bytes), "the trained tokenizer");
  }
  if (!tokenizer.ok()) {
    return tokenizer.status();
  }
  tokenizer_ = *std::move(tokenizer);
  std::string all;
  for (const auto& [name, bytes] : tokenizer_->files()) {
    all += bytes;
  }
  facts_.set_tokenizer_sha256(Sha256(all));
  facts_.set_vocab_size(static_cast<int>(tokenizer_->vocab_size()));
  return absl::OkStatus();
}

absl::Status Workbench::OpenManifest() {
  const std::string& path = spec_.test().manifest();
  if (path.empty()) {
    return absl::OkStatus();
  }
  const absl::StatusOr<std::string> text = ReadFile(path);
  if (!text.ok()) {
    return text.status();
  }
  ManifestNeeds needs;
  needs.split = SplitName(Split::kTest);
  needs.ways = spec_.episodes().ways();
  needs.queries = spec_.episodes().queries();
  needs.shots.assign(spec_.episodes().shots().begin(), spec_.episodes().shots().end());
  needs.episodes = spec_.test().episodes();
  absl::StatusOr<EpisodeManifest> manifest = ParseManifest(*text, path, needs, dataset_.Of(Split::kTest));
  if (!manifest.ok()) {
    return manifest.status();
  }
  manifest_ = *std::move(manifest);
  manifest_sha256_ = Sha256(*text);
  return absl::OkStatus();
}

absl::Status Workbench::OpenEncoder() {
  const EncoderSpec& spec = spec_.model().encoder();
  std::unique_ptr<Encoder> encoder;
  int64_t max_tokens = 0;
  if (spec.has_checkpoint()) {
    absl::StatusOr<Checkpoint> checkpoint =
        OpenCheckpoint(spec.checkpoint().path(), spec.checkpoint().allow_unknown_tensors());
    if (!checkpoint.ok()) {
      return checkpoint.status();
    }
    encoder = std::move(checkpoint->encoder);
    config_json_ = std::move(checkpoint->config_json);
    const EncoderConfig& config = encoder->config();
    if (!encoder->layout().has_head() && config.width != config.embedding_width) {
      return absl::InvalidArgumentError(
          absl::StrCat(spec.checkpoint().path(), ": without a masked-language-model head the word embedding, ",
                       config.embedding_width, " wide, would read hidden states ", config.width,
                       " wide; use a checkpoint saved with its head (...ForMaskedLM)"));
    }
    if (config.vocab_size < tokenizer_->vocab_size()) {
      return absl::InvalidArgumentError(absl::StrCat(spec.checkpoint().path(), ": the tokenizer has ",
                                                     tokenizer_->vocab_size(), " ids, config.json's vocab_size is ",
                                                     config.vocab_size));
    }
    max_tokens = encoder->max_tokens();
    if (spec.checkpoint().max_tokens() > 0) {
      max_tokens = std::min<int64_t>(max_tokens, spec.checkpoint().max_tokens());
    }
    facts_.set_encoder_sha256(ParamsSha256(encoder->params(), checkpoint->params));
    for (const std::string& name : checkpoint->unused) {
      facts_.add_unused_tensors(name);
    }
  } else {
    encoder = std::make_unique<Encoder>(BertConfig(spec.bert(), tokenizer_->vocab_size()), /*with_head=*/true);
    config_json_ = ConfigJson(encoder->config());
    max_tokens = encoder->max_tokens();
  }
  facts_.set_architecture(encoder->config().model_type);
  facts_.set_mlm_head(encoder->layout().has_head());
  absl::StatusOr<PromptTemplate> prompt = PromptTemplate::Create(spec_.model().prompt(), *tokenizer_, max_tokens);
  if (!prompt.ok()) {
    return prompt.status();
  }
  prompt_ = *std::move(prompt);
  if (absl::Status status = CheckPromptWidth(spec_.model().prompt(), encoder->config().embedding_width); !status.ok()) {
    return status;
  }
  model_ = spec.has_checkpoint()
               ? std::make_unique<PromptModel>(spec_.model(), *encoder, prompt_->num_soft())
               : std::make_unique<PromptModel>(spec_.model(), tokenizer_->vocab_size(), prompt_->num_soft());
  model_->set_bfloat16(spec_.precision() == ExperimentSpec::BFLOAT16);
  facts_.set_encoder_parameters(CountNumbers(model_->params(), ParamGroup::kEncoder));
  facts_.set_prompt_parameters(CountNumbers(model_->params(), ParamGroup::kPrompt));
  return absl::OkStatus();
}

absl::Status Workbench::OpenStarts() {
  absl::StatusOr<std::vector<std::vector<int64_t>>> words =
      InitWordIds(spec_.model().prompt(), *tokenizer_, prompt_->num_soft());
  if (!words.ok()) {
    return words.status();
  }
  init_words_ = *std::move(words);
  for (const StartRun::Part part : {StartRun::kModel, StartRun::kPrompt}) {
    const bool whole = part == StartRun::kModel;
    const std::string& path = whole ? spec_.model().init_from_run() : spec_.model().prompt().init_from_run();
    if (path.empty()) {
      continue;
    }
    absl::StatusOr<StartRun> start =
        StartRun::Open(part, path, *model_, facts_.tokenizer_sha256(), spec_.episodes().shots());
    if (!start.ok()) {
      return start.status();
    }
    for (const StartFacts& facts : start->facts()) {
      *facts_.add_starts() = facts;
    }
    (whole ? model_start_ : prompt_start_) = *std::move(start);
  }
  return absl::OkStatus();
}

absl::StatusOr<std::unique_ptr<Workbench>> Workbench::Open(const ExperimentSpec& spec,
                                                           const TokenizerFiles& tokenizer) {
  auto bench = std::unique_ptr<Workbench>(new Workbench());
  bench->spec_ = spec;
  absl::StatusOr<Dataset> dataset = LoadDataset(spec.dataset());
  if (!dataset.ok()) {
    return dataset.status();
  }
  bench->dataset_ = *std::move(dataset);
  bench->dataset_facts_ = FactsOf(bench->dataset_);
  std::set<std::string> labels;
  for (const TextClass& one : bench->dataset_.classes) {
    labels.insert(one.label);
  }
  if (absl::Status status = CheckAnswers(spec.model().verbalizer(), labels); !status.ok()) {
    return status;
  }
  for (const Split split : {Split::kTrain, Split::kValid, Split::kTest}) {
    for (const int shots : spec.episodes().shots()) {
      if (const auto sampler = bench->Sampler(split, shots); !sampler.ok()) {
        return sampler.status();
      }
    }
  }
  if (absl::Status status = bench->OpenManifest(); !status.ok()) {
    return status;
  }
  bench->dataset_.SetSealed(Split::kTest, true);
  const absl::StatusOr<at::Device> device = DeviceOf(spec.device());
  if (!device.ok()) {
    return device.status();
  }
  bench->device_ = *device;
  if (absl::Status status = bench->OpenTokenizer(tokenizer); !status.ok()) {
    return status;
  }
  for (const Split split : kSplits) {
    if (absl::Status status = CheckDistinctAnswers(bench->dataset_.Of(split), *bench->tokenizer_,
                                                   spec.model().verbalizer(), SplitName(split));
        !status.ok()) {
      return status;
    }
  }
  if (absl::Status status = bench->OpenEncoder(); !status.ok()) {
    return status;
  }
  if (absl::Status status = bench->OpenStarts(); !status.ok()) {
    return status;
  }
  return bench;
}

const char* Workbench::initialisation() const {
  if (model_start_.has_value()) {
    return "transferred";
  }
  return spec_.model().encoder().has_checkpoint() ? "pre-trained" : "random";
}

absl::StatusOr<const PromptedSplit*> Workbench::Prompted(Split split) {
  if (split == Split::kTest && !in_meta_test_) {
    return absl::FailedPreconditionError("the texts of the test classes are sealed until meta-test begins");
  }
  std::optional<PromptedSplit>& prompted = prompted_[static_cast<size_t>(split)];
  if (!prompted.has_value()) {
    absl::StatusOr<PromptedSplit> made =
        PromptedSplit::Create(dataset_.Of(split), *tokenizer_, *prompt_, spec_.model().verbalizer(),
                              split == Split::kTrain && spec_.episodes().word_tasks() > 0);
    if (!made.ok()) {
      return made.status();
    }
    prompted = *std::move(made);
  }
  return &*prompted;
}

absl::Status Workbench::StartPrompt(int shots, ParamList* params) const {
  if (prompt_start_.has_value()) {
    return prompt_start_->Give(shots, params);
  }
  if (init_words_.empty()) {
    return absl::OkStatus();
  }
  const at::Tensor& words = (*params)[model_->encoder().layout().words];
  std::vector<at::Tensor> vectors;
  for (const std::vector<int64_t>& ids : init_words_) {
    vectors.push_back(words.index_select(0, at::tensor(at::ArrayRef<int64_t>(ids), at::kLong)).mean(0));
  }
  (*params)[model_->soft_place()] = at::stack(vectors);
  return absl::OkStatus();
}

absl::StatusOr<ParamList> Workbench::InitialOnCpu(int shots) {
  const EncoderSpec& encoder = spec_.model().encoder();
  ParamList params;
  bool standardised = encoder.bert().init_standardised();
  if (model_start_.has_value()) {
    params.resize(model_->params().size());
    if (const absl::Status status = model_start_->Give(shots, &params); !status.ok()) {
      return status;
    }
    standardised = false;  // as the run had it
  } else if (encoder.has_checkpoint()) {
    absl::StatusOr<Checkpoint> checkpoint =
        OpenCheckpoint(encoder.checkpoint().path(), encoder.checkpoint().allow_unknown_tensors());
    if (!checkpoint.ok()) {
      return checkpoint.status();
    }
    if (ParamsSha256(checkpoint->encoder->params(), checkpoint->params) != facts_.encoder_sha256()) {
      return absl::FailedPreconditionError(
          absl::StrCat(encoder.checkpoint().path(), ": the encoder's weights have changed since this run began"));
    }
    params = model_->WithSoftPrompt(std::move(checkpoint->params), spec_.seed());
    standardised = encoder.checkpoint().standardised_read() && !model_->encoder().layout().has_head();
  } else {
    params = model_->Init(spec_.seed());
  }
  if (const absl::Status status = StartPrompt(shots, &params); !status.ok()) {
    return status;
  }
  if (!standardised) {
    return params;
  }
  if (!standardised_.empty()) {
    for (const auto& [place, values] : standardised_) {
      params[place] = values.clone();
    }
    return params;
  }
  const absl::StatusOr<const PromptedSplit*> split = Prompted(Split::kTrain);
  if (!split.ok()) {
    return split.status();
  }
  // Of the shape of test episodes, so that the initialisation does not depend on how it will be trained.
  ExperimentSpec as_test = spec_;
  as_test.mutable_episodes()->clear_train_ways();
  as_test.mutable_episodes()->clear_train_queries();
  const int first_shots = spec_.episodes().shots(0);
  const absl::StatusOr<EpisodeSampler> shaped = SamplerOf(as_test, dataset_, Split::kTrain, first_shots);
  const EpisodeSampler sampler = shaped.ok() ? *shaped : *Sampler(Split::kTrain, first_shots);
  std::vector<LocalBatch> texts;
  for (int64_t i = 0; i < kStandardisingEpisodes; ++i) {
    Episode episode = (*split)->Build(sampler.Plan(i), at::kFloat);
    texts.push_back(LocalBatch{episode.rows, std::move(episode.query)});
  }
  ParamList standard = model_->Standardised(params, texts);
  if (!prompt_start_.has_value()) {  // the same for any shots
    for (size_t i = 0; i < params.size(); ++i) {
      if (!standard[i].is_same(params[i])) {
        standardised_.emplace_back(i, standard[i].clone());
      }
    }
  }
  return standard;
}

absl::StatusOr<ParamList> Workbench::InitialParams(int shots) {
  absl::StatusOr<ParamList> params = InitialOnCpu(shots);
  if (params.ok() && !device_.is_cpu()) {
    for (at::Tensor& param : *params) {
      param = param.to(device_);
    }
  }
  return params;
}

absl::StatusOr<EpisodeSampler> Workbench::TrainSampler(int shots) {
  const absl::StatusOr<const PromptedSplit*> split = Prompted(Split::kTrain);
  if (!split.ok()) {
    return split.status();
  }
  const absl::StatusOr<EpisodeSampler> sampler = Sampler(Split::kTrain, shots);
  if (!sampler.ok() || spec_.episodes().word_tasks() == 0) {
    return sampler;
  }
  return sampler->WithWordTasks(spec_.episodes().word_tasks(), (*split)->WordSizes());
}

absl::StatusOr<EpisodeSampler> Workbench::Sampler(Split split, int shots) const {
  return SamplerOf(spec_, dataset_, split, shots);
}

std::function<EpisodePlan(int64_t)> Workbench::TestPlans(int shots) const {
  if (!manifest_sha256_.empty()) {
    return [this, shots](int64_t index) { return manifest_.episodes.at(shots).at(static_cast<size_t>(index)); };
  }
  return [sampler = *Sampler(Split::kTest, shots)](int64_t index) { return sampler.Plan(index); };
}

}  // namespace metaprompt
