#include "experiments/workbench.h"

#include "metaprompt/base/files.h"

namespace metaprompt {
namespace {

constexpr int64_t kStandardisingEpisodes = 20;

}  // namespace

absl::StatusOr<EpisodeSampler> SamplerOf(const ExperimentSpec& spec, const Dataset& dataset, Split split, int shots) {
  std::vector<ClassSize> sizes;
  for (const TextClass* one : dataset.Of(split)) {
    sizes.push_back(ClassSize{one->label, static_cast<int64_t>(one->texts.size())});
  }
  EpisodeShape shape;
  shape.ways = spec.episodes().ways();
  shape.shots = shots;
  shape.queries = spec.episodes().queries();
  shape.borrowed_answers = split == Split::kTrain ? spec.episodes().borrowed_answers() : 0;
  return EpisodeSampler::Create(std::move(sizes), shape, spec.seed(), SplitName(split));
}

absl::StatusOr<std::unique_ptr<Workbench>> Workbench::Open(const ExperimentSpec& spec, std::string tokenizer_bytes) {
  auto bench = std::unique_ptr<Workbench>(new Workbench());
  bench->spec_ = spec;
  absl::StatusOr<Dataset> dataset = LoadDataset(spec.dataset());
  if (!dataset.ok()) {
    return dataset.status();
  }
  bench->dataset_ = *std::move(dataset);
  for (const Split split : {Split::kTrain, Split::kValid, Split::kTest}) {
    for (const int shots : spec.episodes().shots()) {
      if (const auto sampler = bench->Sampler(split, shots); !sampler.ok()) {
        return sampler.status();
      }
    }
  }

  std::string name = spec.model().tokenizer().path();
  if (tokenizer_bytes.empty() && !name.empty()) {
    absl::StatusOr<std::string> bytes = ReadFile(name);
    if (!bytes.ok()) {
      return bytes.status();
    }
    tokenizer_bytes = *std::move(bytes);
  } else if (tokenizer_bytes.empty()) {
    name = "the trained tokenizer";
    std::vector<std::string> texts;
    for (const TextClass* one : bench->dataset_.Of(Split::kTrain)) {
      texts.insert(texts.end(), one->texts.begin(), one->texts.end());
    }
    absl::StatusOr<std::string> bytes = TrainSentencePiece(texts, spec.model().tokenizer().vocab_size());
    if (!bytes.ok()) {
      return bytes.status();
    }
    tokenizer_bytes = *std::move(bytes);
  }
  absl::StatusOr<std::unique_ptr<Tokenizer>> tokenizer = LoadSentencePiece(std::move(tokenizer_bytes), name);
  if (!tokenizer.ok()) {
    return tokenizer.status();
  }
  bench->tokenizer_ = *std::move(tokenizer);
  absl::StatusOr<PromptTemplate> prompt =
      PromptTemplate::Create(spec.model().prompt(), *bench->tokenizer_, spec.model().encoder().bert().max_positions());
  if (!prompt.ok()) {
    return prompt.status();
  }
  bench->prompt_ = *std::move(prompt);
  bench->model_ =
      std::make_unique<PromptModel>(spec.model(), bench->tokenizer_->vocab_size(), bench->prompt_->num_soft());
  return bench;
}

absl::StatusOr<const PromptedSplit*> Workbench::Prompted(Split split) {
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

absl::StatusOr<ParamList> Workbench::InitialParams() {
  ParamList params = model_->Init(spec_.seed());
  if (!spec_.model().encoder().bert().init_standardised()) {
    return params;
  }
  const absl::StatusOr<const PromptedSplit*> split = Prompted(Split::kTrain);
  if (!split.ok()) {
    return split.status();
  }
  const EpisodeSampler sampler = *Sampler(Split::kTrain, spec_.episodes().shots(0));
  std::vector<LocalBatch> texts;
  for (int64_t i = 0; i < kStandardisingEpisodes; ++i) {
    Episode episode = (*split)->Build(sampler.Plan(i), at::kFloat);
    texts.push_back(LocalBatch{episode.rows, std::move(episode.query)});
  }
  return model_->Standardised(params, texts);
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

DatasetFacts Workbench::dataset_facts() const {
  DatasetFacts facts;
  facts.set_name(dataset_.name);
  facts.set_content_sha256(ContentSha256(dataset_));
  facts.set_texts(dataset_.NumTexts());
  facts.set_train_classes(static_cast<int>(dataset_.Of(Split::kTrain).size()));
  facts.set_valid_classes(static_cast<int>(dataset_.Of(Split::kValid).size()));
  facts.set_test_classes(static_cast<int>(dataset_.Of(Split::kTest).size()));
  facts.set_dropped_duplicates(dataset_.dropped_duplicates);
  return facts;
}

ModelFacts Workbench::model_facts() const {
  ModelFacts facts;
  facts.set_encoder_parameters(CountNumbers(model_->params(), ParamGroup::kEncoder));
  facts.set_prompt_parameters(CountNumbers(model_->params(), ParamGroup::kPrompt));
  facts.set_vocab_size(static_cast<int>(tokenizer_->vocab_size()));
  facts.set_tokenizer_sha256(Sha256(tokenizer_->files().at(kSentencePieceFile)));
  return facts;
}

}  // namespace metaprompt
