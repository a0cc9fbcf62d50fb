#include "experiments/workbench/workbench.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <map>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "episodes/image_source.h"
#include "episodes/text_source.h"
#include "experiments/host/device.h"
#include "experiments/workbench/image_parts.h"
#include "metaprompt/base/status_macros.h"

namespace metaprompt {
namespace {

constexpr int64_t kStandardisingEpisodes = 20;

// The texts that the encoder was trained on before the run, as far as the folders that it starts from list them.
absl::StatusOr<SeenTexts> SeenBefore(const ModelSpec& spec) {
  SeenTexts seen;
  for (const std::string& folder :
       {spec.encoder().checkpoint().path(), spec.init_from_run(), spec.prompt().init_from_run()}) {
    if (!folder.empty()) {
      ASSIGN_OR_RETURN(const SeenTexts more, SeenTexts::Read(folder));
      seen.Add(more);
    }
  }
  seen.Sort();
  return seen;
}

// How many texts of the test classes the encoder has seen. If there are any, it is an error unless the spec allows
// them.
absl::StatusOr<int64_t> SeenTestTexts(const ModelSpec& spec, const SeenTexts& seen, const Dataset& dataset) {
  int64_t count = 0;
  int64_t texts = 0;
  for (const TextClass* one : dataset.Of(Split::kTest)) {
    texts += static_cast<int64_t>(one->texts.size());
    if (!seen.empty()) {
      count += std::count_if(one->texts.begin(), one->texts.end(), [&](const auto& text) { return seen.Has(text); });
    }
  }
  if (count > 0 && !spec.has_allow_seen_test_texts()) {
    return absl::InvalidArgumentError(absl::StrCat(
        "the encoder was trained on ", count, " of the ", texts, dataset.images.has_value() ? " images" : " texts",
        " of test classes (", kSeenTextsFile,
        " in its folder), so results on them would show no few-shot learning; model.allow_seen_test_texts: {} accepts "
        "this, and the record has their number"));
  }
  return count;
}

// OK if the support texts of learner.in_context leave room for a query text, for any texts that may be drawn.
absl::Status CheckContextFits(const ExperimentSpec& spec, const TextSource& texts, const PromptModel& model) {
  if (spec.learner().kind_case() != LearnerSpec::kInContext) {
    return absl::OkStatus();
  }
  const auto& shots = spec.episodes().shots();
  const int64_t support = (*std::max_element(shots.begin(), shots.end()) + spec.model().verbalizer().answer_texts()) *
                          spec.episodes().ways();
  const int64_t most_tokens = model.encoder().max_tokens();
  const int64_t query = std::max(texts.longest_text(), model.longest_content_free());
  const int64_t needed = support * texts.longest_text() + query + (support + 1) * texts.longest_answer();
  if (needed <= most_tokens) {
    return absl::OkStatus();
  }
  const std::string content_free =
      query > texts.longest_text() ? absl::StrCat(" tokens, the longest one without content ", query) : " tokens";
  return absl::InvalidArgumentError(absl::StrCat(
      "learner.in_context: ", support, " support texts stand before a query text. The longest text has ",
      texts.longest_text(), content_free, " and the longest answer ", texts.longest_answer(), ", so that ", needed,
      " tokens are needed, and the model takes ", most_tokens, "; set model.encoder.checkpoint.max_tokens to at most ",
      std::max<int64_t>(1, most_tokens / (support + 1) - texts.longest_answer()), ", or lower episodes.shots"));
}

absl::StatusOr<EncoderParts> TextEncoderOfRun(const ExperimentSpec& spec, const TokenizerFiles& kept,
                                              const RunData& data) {
  ASSIGN_OR_RETURN(std::unique_ptr<Tokenizer> tokenizer,
                   TokenizerOfRun(spec.model(), kept, [&] { return data.TrainTexts(); }));
  for (const Split split : kSplits) {
    RETURN_IF_ERROR(
        CheckDistinctAnswers(data.dataset().Of(split), *tokenizer, spec.model().verbalizer(), SplitName(split)));
  }
  return EncoderOfRun(spec.model(), std::move(tokenizer));
}

}  // namespace

absl::StatusOr<std::unique_ptr<Workbench>> Workbench::Open(const ExperimentSpec& spec,
                                                           const TokenizerFiles& tokenizer) {
  auto bench = std::unique_ptr<Workbench>(new Workbench());
  bench->spec_ = spec;
  ASSIGN_OR_RETURN(bench->data_, RunData::Open(spec));
  ASSIGN_OR_RETURN(bench->seen_, SeenBefore(spec.model()));
  ASSIGN_OR_RETURN(const int64_t seen_test_texts, SeenTestTexts(spec.model(), bench->seen_, bench->dataset()));
  ASSIGN_OR_RETURN(bench->test_set_, TestSet::Open(spec, &*bench->data_));
  ASSIGN_OR_RETURN(bench->device_, DeviceOf(spec.device(), spec.precision() == ExperimentSpec::TF32));
  ASSIGN_OR_RETURN(EncoderParts parts, bench->dataset().images.has_value()
                                           ? ImageEncoderOfRun(spec.model(), *bench->dataset().images)
                                           : TextEncoderOfRun(spec, tokenizer, *bench->data_));
  ASSIGN_OR_RETURN(bench->assembled_, AssembleModel(spec, std::move(parts), bench->dataset().text_names));
  bench->model_facts_ = FactsOfModel(bench->assembled_);
  if (seen_test_texts > 0) {
    bench->model_facts_.set_seen_test_texts(seen_test_texts);
  }
  ASSIGN_OR_RETURN(bench->starts_, Starts::Open(spec, &bench->assembled_, bench->model_facts_.tokenizer_sha256(),
                                                [bench = bench.get()] { return bench->TextsToRead(); }));
  for (const StartFacts& facts : bench->starts_->facts()) {
    *bench->model_facts_.add_starts() = facts;
  }
  return bench;
}

absl::StatusOr<std::unique_ptr<TaskSource>> Workbench::MakeSource(Split split) const {
  const std::vector<const TextClass*> classes = dataset().Of(split);
  if (dataset().images.has_value()) {
    const PromptSpec& prompt = spec_.model().prompt();
    return std::make_unique<ImageSource>(classes, *dataset().images, *assembled_.parts.images,
                                         prompt.has_visual() ? prompt.visual().length() : 0,
                                         model().encoder().config().patches());
  }
  ASSIGN_OR_RETURN(TextSource source,
                   TextSource::Create(classes, tokenizer(), *assembled_.prompt, spec_.model().verbalizer(),
                                      split == Split::kTrain && spec_.episodes().word_tasks() > 0));
  if (split != Split::kTrain) {
    RETURN_IF_ERROR(CheckContextFits(spec_, source, *assembled_.model));
  }
  return std::make_unique<TextSource>(std::move(source));
}

absl::StatusOr<const TaskSource*> Workbench::Prompted(Split split) {
  if (split == Split::kTest && !test_set_->is_open()) {
    return absl::FailedPreconditionError("the texts of the test classes are sealed until meta-test begins");
  }
  std::unique_ptr<TaskSource>& prompted = prompted_[static_cast<size_t>(split)];
  if (prompted == nullptr) {
    ASSIGN_OR_RETURN(prompted, MakeSource(split));
  }
  return prompted.get();
}

absl::StatusOr<std::vector<LocalBatch>> Workbench::TextsToRead() {
  ASSIGN_OR_RETURN(const TaskSource* const split, Prompted(Split::kTrain));
  // In the shape of test episodes, so that the initialisation does not depend on the settings of training.
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
    param = param.to(device_);  // no copy on the CPU
  }
  return params;
}

absl::StatusOr<EpisodeSampler> Workbench::TrainSampler(int shots) {
  ASSIGN_OR_RETURN(const TaskSource* const source, Prompted(Split::kTrain));
  ASSIGN_OR_RETURN(const EpisodeSampler sampler, Sampler(Split::kTrain, shots));
  if (spec_.episodes().word_tasks() == 0) {
    return sampler;
  }
  const auto* split = static_cast<const TextSource*>(source);  // only texts have words
  return sampler.WithWordTasks(
      spec_.episodes().word_tasks(), split->WordSizes(),
      spec_.episodes().has_allow_shared_texts() ? std::vector<std::map<int64_t, int64_t>>() : split->WordShared());
}

}  // namespace metaprompt
