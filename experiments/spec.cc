#include "experiments/spec.h"

#include <algorithm>
#include <cstddef>
#include <set>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "datasets/text_names.h"
#include "experiments/host/device.h"
#include "experiments/image_spec.h"
#include "experiments/model_size.h"
#include "experiments/spec_file.h"
#include "google/protobuf/descriptor.h"
#include "learners/check_learner.h"
#include "learners/learner_facts.h"
#include "metaprompt/base/status_macros.h"
#include "metaprompt/encoders/dropout_rates.h"
#include "metaprompt/encoders/initial_values.h"
#include "metaprompt/prompts/prompt_template.h"
#include "metaprompt/prompts/soft_prompt.h"
#include "metaprompt/specs/field_rules.h"
#include "metaprompt/specs/only_with.h"

namespace metaprompt {
namespace {

// "learner.maml, reptile and anil": the learners for which the fact is true.
std::string LearnersWith(bool (LearnerFacts::*fact)() const) {
  std::vector<std::string> names;
  for (const google::protobuf::FieldDescriptor* learner : AllLearners()) {
    if ((FactsOf(*learner).*fact)()) {
      names.push_back(learner->name());
    }
  }
  const std::string last = names.back();
  names.pop_back();
  return absl::StrCat("learner.", absl::StrJoin(names, ", "), " and ", last);
}

// Checks that the prompt, the verbalizer and the learner fit each other, and that the learner fits meta-training.
void CheckPromptAndLearner(const ExperimentSpec& spec, std::vector<std::string>* broken) {
  const LearnerSpec& learner = spec.learner();
  const PromptSpec& prompts = spec.model().prompt();
  const bool has_soft = HasSoftVectors(spec);
  const LearnerFacts& facts_of_learner = FactsOf(learner);
  const std::string name = absl::StrCat("learner.", LearnerName(learner));
  const bool plain_vectors = facts_of_learner.prompt() == LearnerFacts::PLAIN_VECTORS;
  const bool without_prefixes =
      facts_of_learner.prompt() == LearnerFacts::VECTORS_OR_PREFIXES && prompts.prefix_length() == 0;
  if (!has_soft && (plain_vectors || without_prefixes)) {
    broken->push_back(absl::StrCat(NoSoftVectors(spec), "; ", name, " adapts only soft vectors"));
  }
  const std::string reparametrisation = PromptSpec::Reparametrisation_Name(prompts.reparametrisation());
  if (!has_soft) {
    for (const auto& [set, what] : {std::make_pair(prompts.reparametrisation() != PromptSpec::PLAIN,
                                                   absl::StrCat("reparametrisation is ", reparametrisation)),
                                    std::make_pair(!prompts.init_words().empty(), std::string("init_words is set"))}) {
      if (set) {
        broken->push_back(absl::StrCat("model.prompt.", what, "; ", NoSoftVectors(spec)));
      }
    }
  }
  if (!prompts.init_words().empty() && !prompts.init_from_run().empty()) {
    broken->emplace_back(
        "model.prompt.init_words and model.prompt.init_from_run are set; soft vectors begin as one only");
  }
  if (plain_vectors) {
    const std::string why = absl::StrCat("; ", name, " does not train it, so it would stay random");
    if (prompts.reparametrisation() != PromptSpec::PLAIN) {
      broken->push_back(absl::StrCat("model.prompt.reparametrisation is ", reparametrisation, why));
    }
    if (prompts.prefix_length() > 0) {
      broken->push_back(absl::StrCat("model.prompt.prefix_length is ", prompts.prefix_length(), why));
    }
  }
  if (spec.model().verbalizer().kind() == VerbalizerSpec::PROTOTYPE && !facts_of_learner.takes_prototypes()) {
    broken->push_back(
        absl::StrCat("model.verbalizer.kind is PROTOTYPE; it is for ", LearnersWith(&LearnerFacts::takes_prototypes)));
  }
  const DropoutSpec& dropout = spec.model().dropout();
  if (facts_of_learner.one_loss() && (dropout.of_checkpoint() || dropout.hidden() > 0 || dropout.attention() > 0)) {
    broken->push_back(absl::StrCat("model.dropout is set; ", name, " needs the same loss in every inner step"));
  }
  if (std::string rule = BrokenDropoutRule(dropout, "model.dropout"); !rule.empty()) {
    broken->push_back(std::move(rule));
  }
  if (const int steps = spec.learner().meta_optimizer().schedule_steps();
      steps > 0 && steps < spec.train().meta_steps()) {
    broken->push_back(absl::StrCat("learner.meta_optimizer.schedule_steps is ", steps,
                                   "; it must be at least train.meta_steps, ", spec.train().meta_steps()));
  }
  if (facts_of_learner.trains_nothing() && spec.train().meta_steps() > 0) {
    broken->push_back(absl::StrCat("train.meta_steps is ", spec.train().meta_steps(), "; ", name,
                                   " meta-learns nothing: it must be 0"));
  }
}

// Checks the model and the learner for answers that are scored as sequences, and for calibration.
void CheckSequences(const ExperimentSpec& spec, std::vector<std::string>* broken) {
  const ModelSpec& model = spec.model();
  const VerbalizerSpec& verbalizer = model.verbalizer();
  const LearnerFacts& facts = FactsOf(spec.learner());
  const std::string learner = absl::StrCat("learner.", LearnerName(spec.learner()));
  const auto check = [&](bool wrong, const std::string& what) {
    if (wrong) {
      broken->push_back(what);
    }
  };
  check(verbalizer.has_calibration() && !facts.takes_sequences(),
        absl::StrCat("model.verbalizer.calibration is set; ", learner, " has class logits of its own"));
  if (verbalizer.kind() != VerbalizerSpec::SEQUENCE) {
    check(facts.needs_sequences(), absl::StrCat(learner, " needs model.verbalizer.kind: SEQUENCE"));
    check(verbalizer.has_sequence(), "model.verbalizer.sequence is set; it is for model.verbalizer.kind: SEQUENCE");
    return;
  }
  const std::string sequence = "model.verbalizer.kind is SEQUENCE; ";
  check(!facts.takes_sequences(), absl::StrCat(sequence, "it is for ", LearnersWith(&LearnerFacts::takes_sequences)));
  check(model.encoder().has_bert(), absl::StrCat(sequence, "model.encoder.bert is not a causal model"));
  check(verbalizer.pieces() == VerbalizerSpec::FIRST,
        absl::StrCat(sequence, "all pieces of an answer count, and model.verbalizer.pieces is FIRST"));
  check(spec.learner().inner().class_lr() > 0 || spec.learner().meta_test().inner().class_lr() > 0,
        absl::StrCat(sequence, "there are no class vectors, so class_lr must be 0"));
  check(model.read() != ModelSpec::MASK || model.features() != ModelSpec::MASK,
        absl::StrCat(sequence, "model.read and model.features must be MASK"));
}

// Checks the template, and whether it fits the data and the verbalizer.
void CheckTexts(const ExperimentSpec& spec, std::vector<std::string>* broken) {
  const std::string& prompt = spec.model().prompt().template_();
  const std::vector<std::string> names = TextNames(spec.dataset());
  absl::Status status = CheckTextNames(spec.dataset());
  status.Update(status.ok() ? CheckTemplate(prompt, names) : status);
  if (!status.ok()) {
    broken->emplace_back(status.message());
    return;
  }
  const int answer_texts = spec.model().verbalizer().answer_texts();
  if (const size_t used = UsedNames(prompt, names).size(); used > 1 && answer_texts > 0) {
    broken->push_back(absl::StrCat("model.verbalizer.answer_texts is ", answer_texts,
                                   "; it must be 0, because model.prompt.template has ", used,
                                   " texts and the name of a class is one"));
  }
}

}  // namespace

std::vector<std::string> CheckSpec(const ExperimentSpec& spec) {
  std::vector<std::string> broken = BrokenRules(spec);
  const auto check = [&](const absl::Status& status) {
    if (!status.ok()) {
      broken.emplace_back(status.message());
    }
  };
  if (std::string rule = BrokenNameRule(spec.name()); !rule.empty()) {
    broken.push_back(std::move(rule));
  }
  std::set<int> shots;
  for (const int k : spec.episodes().shots()) {
    if (!shots.insert(k).second) {
      broken.push_back(absl::StrCat("episodes.shots names ", k, " twice"));
    }
  }
  if (spec.episodes().train_ways() == 1) {
    broken.emplace_back("episodes.train_ways is 1; it must be 0 or >= 2");
  }
  if (spec.model().encoder().has_bert() && spec.model().encoder().bert().heads() > 0) {
    check(CheckBert(spec.model().encoder().bert()));
    check(CheckPromptWidth(spec.model().prompt(), spec.model().encoder().bert().width()));
  }
  if (spec.model().encoder().has_checkpoint() && !spec.model().tokenizer().path().empty()) {
    broken.emplace_back("model.tokenizer.path is set; model.encoder.checkpoint has its own tokenizer");
  }
  const LearnerSpec& learner = spec.learner();
  for (const std::string& one : CheckLearner(learner)) {
    broken.push_back(one);
  }
  for (const auto& [scope, name] :
       {std::make_pair(&learner.adapts(), "adapts"), std::make_pair(&learner.learns(), "learns")}) {
    if (scope->part() == ScopeSpec::LORA && spec.model().lora().rank() == 0) {
      broken.push_back(absl::StrCat("learner.", name, ".part is LORA; set model.lora.rank above 0"));
    }
  }
  CheckPromptAndLearner(spec, &broken);
  CheckSequences(spec, &broken);
  check(CheckDevice(spec.device()));
  for (std::string& rule : CheckInputs(spec)) {
    broken.push_back(std::move(rule));
  }
  if (!HasImages(spec.dataset())) {
    CheckTexts(spec, &broken);
  }
  return broken;
}

int TrainWays(const EpisodeSpec& spec) { return spec.train_ways() > 0 ? spec.train_ways() : spec.ways(); }

int TrainQueries(const EpisodeSpec& spec) { return spec.train_queries() > 0 ? spec.train_queries() : spec.queries(); }

absl::StatusOr<DatasetSpec> LoadDatasetSpec(const std::string& path, const std::vector<std::string>& sets) {
  ExperimentSpec spec;
  std::vector<std::string> idle;
  RETURN_IF_ERROR(ReadSpecFile(path, sets, &spec, &idle));
  if (!spec.has_dataset()) {
    return BrokenRulesError(path, {"dataset must be set"});
  }
  DatasetSpec dataset = spec.dataset();
  RETURN_IF_ERROR(BrokenRulesError(path, BrokenRules(dataset, "dataset.")));
  idle.erase(std::remove_if(idle.begin(), idle.end(),  // the caller uses nothing else of the spec
                            [](const std::string& line) { return !absl::StartsWith(line, "dataset."); }),
             idle.end());
  RETURN_IF_ERROR(BrokenRulesError(path, idle));
  WriteOutDefaults(&dataset);
  return dataset;
}

namespace {

// CompleteSpec, with the result of SettingsWithoutEffect.
absl::StatusOr<ExperimentSpec> Complete(ExperimentSpec spec, const std::string& name,
                                        const std::vector<std::string>& idle) {
  // A message whose fields are all defaults may be missing in the file, but not in the record.
  spec.mutable_model()->mutable_tokenizer();
  spec.mutable_model()->mutable_prompt();
  spec.mutable_model()->mutable_verbalizer();
  spec.mutable_model()->mutable_lora();
  AddGroups(spec.mutable_learner());
  spec.mutable_train();
  spec.mutable_test();
  RETURN_IF_ERROR(BrokenRulesError(name, CheckSpec(spec)));
  RETURN_IF_ERROR(BrokenRulesError(name, idle));
  if (const absl::Status fits = CheckFits(spec.model()); !fits.ok()) {
    return BrokenRulesError(name, {std::string(fits.message())});
  }
  WriteOutDefaults(&spec);
  return spec;
}

}  // namespace

absl::StatusOr<ExperimentSpec> CompleteSpec(ExperimentSpec spec, const std::string& name) {
  const std::vector<std::string> idle = SettingsWithoutEffect(spec);
  return Complete(std::move(spec), name, idle);
}

absl::StatusOr<ExperimentSpec> LoadSpec(const std::string& path, const std::vector<std::string>& sets) {
  ExperimentSpec spec;
  std::vector<std::string> idle;
  RETURN_IF_ERROR(ReadSpecFile(path, sets, &spec, &idle));
  return Complete(std::move(spec), path, idle);
}

}  // namespace metaprompt
