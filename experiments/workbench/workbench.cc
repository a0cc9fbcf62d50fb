#include "experiments/workbench/workbench.h"

#include <ATen/ATen.h>

#include <map>
#include <utility>
#include <vector>

#include "experiments/host/device.h"
#include "metaprompt/base/status_macros.h"

namespace metaprompt {
namespace {

constexpr int64_t kStandardisingEpisodes = 20;

}  // namespace

absl::StatusOr<std::unique_ptr<Workbench>> Workbench::Open(const ExperimentSpec& spec,
                                                           const TokenizerFiles& tokenizer) {
  auto bench = std::unique_ptr<Workbench>(new Workbench());
  bench->spec_ = spec;
  ASSIGN_OR_RETURN(bench->data_, RunData::Open(spec));
  ASSIGN_OR_RETURN(bench->test_set_, TestSet::Open(spec, &*bench->data_));
  ASSIGN_OR_RETURN(bench->device_, DeviceOf(spec.device()));
  ASSIGN_OR_RETURN(std::unique_ptr<Tokenizer> made,
                   TokenizerOfRun(spec.model(), tokenizer, [&] { return bench->data_->TrainTexts(); }));
  for (const Split split : kSplits) {
    RETURN_IF_ERROR(
        CheckDistinctAnswers(bench->dataset().Of(split), *made, spec.model().verbalizer(), SplitName(split)));
  }
  ASSIGN_OR_RETURN(EncoderParts parts, EncoderOfRun(spec.model(), std::move(made)));
  ASSIGN_OR_RETURN(bench->assembled_, AssembleModel(spec, std::move(parts), bench->dataset().text_names));
  bench->model_facts_ = FactsOfModel(bench->assembled_);
  ASSIGN_OR_RETURN(bench->starts_, Starts::Open(spec, &bench->assembled_, bench->model_facts_.tokenizer_sha256(),
                                                [bench = bench.get()] { return bench->TextsToRead(); }));
  for (const StartFacts& facts : bench->starts_->facts()) {
    *bench->model_facts_.add_starts() = facts;
  }
  return bench;
}

absl::StatusOr<const TextSource*> Workbench::Prompted(Split split) {
  if (split == Split::kTest && !test_set_->is_open()) {
    return absl::FailedPreconditionError("the texts of the test classes are sealed until meta-test begins");
  }
  std::optional<TextSource>& prompted = prompted_[static_cast<size_t>(split)];
  if (!prompted.has_value()) {
    ASSIGN_OR_RETURN(
        prompted, TextSource::Create(dataset().Of(split), tokenizer(), *assembled_.prompt, spec_.model().verbalizer(),
                                     split == Split::kTrain && spec_.episodes().word_tasks() > 0));
  }
  return &*prompted;
}

absl::StatusOr<std::vector<LocalBatch>> Workbench::TextsToRead() {
  ASSIGN_OR_RETURN(const TextSource* const split, Prompted(Split::kTrain));
  // Of the shape of test episodes, so that the initialisation does not depend on how it will be trained.
  const EpisodeSampler sampler = data_->TrainInTestShape(spec_.episodes().shots(0));
  std::vector<LocalBatch> texts;
  for (int64_t i = 0; i < kStandardisingEpisodes; ++i) {
    Episode episode = split->Build({sampler.Plan(i)}, at::kFloat);
    texts.push_back(LocalBatch{episode.rows, std::move(episode.query)});
  }
  return texts;
}

absl::StatusOr<ParamList> Workbench::InitialParams(int shots) {
  ASSIGN_OR_RETURN(ParamList params, starts_->Params(shots));
  for (at::Tensor& param : params) {
    param = param.to(device_);  // on the CPU: itself
  }
  return params;
}

absl::StatusOr<EpisodeSampler> Workbench::TrainSampler(int shots) {
  ASSIGN_OR_RETURN(const TextSource* const split, Prompted(Split::kTrain));
  ASSIGN_OR_RETURN(const EpisodeSampler sampler, Sampler(Split::kTrain, shots));
  if (spec_.episodes().word_tasks() == 0) {
    return sampler;
  }
  return sampler.WithWordTasks(
      spec_.episodes().word_tasks(), split->WordSizes(),
      spec_.episodes().has_allow_shared_texts() ? std::vector<std::map<int64_t, int64_t>>() : split->WordShared());
}

}  // namespace metaprompt
