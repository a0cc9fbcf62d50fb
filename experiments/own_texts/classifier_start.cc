#include "experiments/own_texts/classifier_start.h"

#include <cmath>
#include <cstdint>
#include <memory>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "episodes/text_task.h"
#include "experiments/own_texts/first_spec.h"
#include "experiments/workbench/model_assembly.h"
#include "experiments/workbench/starts.h"
#include "learners/learner.h"
#include "learners/papers/make_learner.h"
#include "metaprompt/base/status_macros.h"
#include "metaprompt/prompts/verbalizer.h"

namespace metaprompt {
namespace {

// The examples as texts over which the scale of what answer words are compared with is measured.
absl::StatusOr<std::vector<LocalBatch>> TextsToRead(const ExperimentSpec& spec, const AssembledModel& model,
                                                    const std::vector<SupportClass>& classes) {
  TextTask task(classes.size());
  for (size_t c = 0; c < classes.size(); ++c) {
    ASSIGN_OR_RETURN(task[c].answer_ids,
                     AnswerIds(spec.model().verbalizer(), *model.parts.tokenizer, classes[c].label, classes[c].name));
    for (const std::string& text : classes[c].texts) {
      task[c].support.push_back(model.prompt->Fill(*model.parts.tokenizer, text));
    }
  }
  TextTaskOptions options;
  options.prompt = &*model.prompt;
  options.whole_vocabulary = NeedsWholeVocabulary(spec.model().verbalizer());
  Episode episode = BuildTextTasks({task}, options);
  std::vector<LocalBatch> texts;
  texts.push_back(LocalBatch{episode.rows, std::move(episode.support)});
  return texts;
}

}  // namespace

int NearestShots(const RunRecord& record, const std::vector<SupportClass>& classes) {
  int64_t texts = 0;
  for (const SupportClass& one : classes) {
    texts += static_cast<int64_t>(one.texts.size());
  }
  const double wanted = static_cast<double>(texts) / static_cast<double>(classes.size());
  int nearest = 0;
  for (const ShotResult& result : record.results()) {
    const double distance = std::abs(result.shots() - wanted);
    const double best = std::abs(nearest - wanted);
    if (nearest == 0 || distance < best || (distance == best && result.shots() > nearest)) {
      nearest = result.shots();
    }
  }
  return nearest;
}

absl::StatusOr<ClassifierStart> StartOfRun(FinishedRun run, const std::string& path, int shots,
                                           const std::vector<SupportClass>& classes) {
  ASSIGN_OR_RETURN(const int found, run.ShotsOf(shots > 0 ? shots : NearestShots(run.record(), classes)));
  ASSIGN_OR_RETURN(ParamList params, run.Params(found));
  return ClassifierStart{std::move(run), std::move(params),
                         absl::StrFormat("the %d-shot initialisation of %s", found, path)};
}

absl::StatusOr<ClassifierStart> StartOfCheckpoint(const std::string& folder, const std::vector<SupportClass>& classes,
                                                  const std::vector<std::string>& names) {
  ASSIGN_OR_RETURN(std::unique_ptr<Tokenizer> tokenizer, OpenTokenizer(folder));
  ASSIGN_OR_RETURN(EncoderParts parts, OpenEncoder(folder, /*allow_unknown=*/false, std::move(tokenizer)));
  RETURN_IF_ERROR(CheckPredictsWords(*parts.encoder, folder));
  const ExperimentSpec spec = FirstSpec(folder, *parts.encoder, names);
  ASSIGN_OR_RETURN(AssembledModel model, AssembleModel(spec, std::move(parts), names));
  ASSIGN_OR_RETURN(Starts starts, Starts::Open(spec, &model, FactsOfModel(model).tokenizer_sha256(),
                                               [&] { return TextsToRead(spec, model, classes); }));
  ASSIGN_OR_RETURN(ParamList params, starts.Params(spec.episodes().shots(0)));
  const std::unique_ptr<Learner> learner = MakeLearner(spec.learner());
  params = WithOwn(*model.model, *learner, std::move(params), spec.seed());
  return ClassifierStart{FinishedRun::Untrained(spec, std::move(model)), std::move(params),
                         absl::StrCat("the checkpoint ", folder)};
}

}  // namespace metaprompt
