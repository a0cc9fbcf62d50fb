#include "experiments/image_spec.h"

#include <utility>

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "datasets/text_names.h"
#include "metaprompt/encoders/initial_vit.h"
#include "metaprompt/prompts/soft_prompt.h"

namespace metaprompt {
namespace {

std::vector<std::string> CheckImages(const ExperimentSpec& spec) {
  std::vector<std::string> broken = CheckImageData(spec.dataset());
  const ModelSpec& model = spec.model();
  const PromptSpec& prompt = model.prompt();
  const VerbalizerSpec& verbalizer = model.verbalizer();
  const EpisodeSpec& episodes = spec.episodes();
  const LearnerSpec& learner = spec.learner();
  // The fields of text settings, and whether each is set.
  for (const auto& [set, field] : {
           std::make_pair(prompt.template_() != PromptSpec::default_instance().template_(), "model.prompt.template"),
           std::make_pair(!prompt.init_words().empty(), "model.prompt.init_words"),
           std::make_pair(!model.tokenizer().path().empty(), "model.tokenizer.path"),
           std::make_pair(model.encoder().checkpoint().max_tokens() > 0, "model.encoder.checkpoint.max_tokens"),
           std::make_pair(verbalizer.answers_size() > 0, "model.verbalizer.answers"),
           std::make_pair(verbalizer.answer_texts() > 0, "model.verbalizer.answer_texts"),
           std::make_pair(verbalizer.allow_same_words(), "model.verbalizer.allow_same_words"),
           std::make_pair(verbalizer.pieces() != VerbalizerSpec::MEAN, "model.verbalizer.pieces"),
           std::make_pair(verbalizer.has_sequence(), "model.verbalizer.sequence"),
           std::make_pair(verbalizer.has_calibration(), "model.verbalizer.calibration"),
           std::make_pair(episodes.borrowed_answers() > 0, "episodes.borrowed_answers"),
           std::make_pair(episodes.word_tasks() > 0, "episodes.word_tasks"),
           std::make_pair(spec.test().count_words(), "test.count_words"),
       }) {
    if (set) {
      broken.push_back(absl::StrCat(field, " is set; images have no words"));
    }
  }
  if (verbalizer.kind() == VerbalizerSpec::SEQUENCE) {
    broken.emplace_back("model.verbalizer.kind is SEQUENCE; images have no words");
  }
  if (learner.has_meta_prompter() && learner.meta_prompter().words_share() > 0) {
    broken.push_back(absl::StrCat("learner.meta_prompter.words_share is ", learner.meta_prompter().words_share(),
                                  "; it must be 0, because images have no answer words"));
  }
  if (model.encoder().has_bert()) {
    broken.emplace_back("model.encoder.bert reads texts; for images use model.encoder.vit or a checkpoint of a vit");
  }
  if (learner.has_inner() && learner.inner().class_lr() == 0 && verbalizer.kind() != VerbalizerSpec::PROTOTYPE) {
    broken.emplace_back(
        "learner.inner.class_lr is 0; the class vectors of images start at 0, and would stay there, unless "
        "model.verbalizer.kind is PROTOTYPE");
  }
  if (model.encoder().has_vit() && model.encoder().vit().heads() > 0) {
    absl::Status status = CheckVit(model.encoder().vit());
    status.Update(CheckPromptWidth(prompt, model.encoder().vit().width()));
    if (!status.ok()) {
      broken.emplace_back(status.message());
    }
  }
  return broken;
}

}  // namespace

std::vector<std::string> CheckImageData(const DatasetSpec& dataset) {
  std::vector<std::string> broken;
  if (dataset.max_words() != DatasetSpec::default_instance().max_words()) {
    broken.emplace_back("dataset.max_words is set; images have no words");
  }
  if (dataset.skip_bad_lines()) {
    broken.emplace_back("dataset.skip_bad_lines is set; images have no lines");
  }
  return broken;
}

std::vector<std::string> CheckInputs(const ExperimentSpec& spec) {
  if (HasImages(spec.dataset())) {
    return CheckImages(spec);
  }
  std::vector<std::string> broken;
  if (spec.model().encoder().has_vit()) {
    broken.emplace_back("model.encoder.vit reads images, and the data are texts");
  }
  if (spec.model().encoder().checkpoint().has_interpolated_positions()) {
    broken.emplace_back("model.encoder.checkpoint.interpolated_positions is set; it is for images");
  }
  if (spec.model().prompt().has_visual()) {
    broken.emplace_back("model.prompt.visual is set; the soft vectors of texts are <soft> in model.prompt.template");
  }
  return broken;
}

bool HasSoftVectors(const ExperimentSpec& spec) {
  const PromptSpec& prompt = spec.model().prompt();
  return HasImages(spec.dataset()) ? prompt.has_visual() : absl::StrContains(prompt.template_(), "<soft");
}

std::string NoSoftVectors(const ExperimentSpec& spec) {
  return HasImages(spec.dataset()) ? "model.prompt.visual is not set" : "model.prompt.template has no <soft>";
}

}  // namespace metaprompt
