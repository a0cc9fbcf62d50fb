#include "experiments/spec.h"

#include <set>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "experiments/host/device.h"
#include "learners/check_learner.h"
#include "metaprompt/base/files.h"
#include "metaprompt/base/spec_fields.h"
#include "metaprompt/base/status_macros.h"
#include "metaprompt/base/text.h"
#include "metaprompt/encoders/initial_values.h"
#include "metaprompt/prompts/prompt.h"
#include "metaprompt/prompts/soft_prompt.h"

namespace metaprompt {
namespace {

// Those that begin with the model's class vectors. ProtoMAML has prototypes by its definition.
bool TakesPrototypes(const LearnerSpec& learner) {
  return learner.has_maml() || learner.has_reptile() || learner.has_anil() || learner.has_meta_sgd() ||
         learner.has_cavia() || learner.has_imaml();
}

}  // namespace

std::vector<std::string> CheckSpec(const ExperimentSpec& spec) {
  std::vector<std::string> broken = BrokenRules(spec);
  const auto check = [&](const absl::Status& status) {
    if (!status.ok()) {
      broken.emplace_back(status.message());
    }
  };
  for (const char c : spec.name()) {
    if (!absl::ascii_isalnum(static_cast<unsigned char>(c)) && c != '-' && c != '_') {
      broken.push_back(absl::StrCat("name is ", Quoted(spec.name()), "; it may hold letters, digits, - and _ only"));
      break;
    }
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
    broken.emplace_back("model.tokenizer.path is set; model.encoder.checkpoint brings a tokenizer of its own");
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
  const std::string& prompt = spec.model().prompt().template_();
  const PromptSpec& prompts = spec.model().prompt();
  const bool has_soft = absl::StrContains(prompt, "<soft");
  if (!has_soft && (learner.has_meta_prompter() || (learner.has_cavia() && prompts.prefix_length() == 0))) {
    broken.push_back(absl::StrCat("model.prompt.template has no <soft>; learner.",
                                  learner.has_cavia() ? "cavia" : "meta_prompter", " adapts soft vectors alone"));
  }
  const std::string reparametrisation = PromptSpec::Reparametrisation_Name(prompts.reparametrisation());
  if (!has_soft) {
    for (const auto& [set, what] : {std::make_pair(prompts.reparametrisation() != PromptSpec::PLAIN,
                                                   absl::StrCat("reparametrisation is ", reparametrisation)),
                                    std::make_pair(!prompts.init_words().empty(), std::string("init_words is set"))}) {
      if (set) {
        broken.push_back(absl::StrCat("model.prompt.", what, "; model.prompt.template has no <soft>"));
      }
    }
  }
  if (!prompts.init_words().empty() && !prompts.init_from_run().empty()) {
    broken.emplace_back(
        "model.prompt.init_words and model.prompt.init_from_run are set; soft vectors begin as one only");
  }
  if (learner.has_meta_prompter()) {
    constexpr char kWhy[] = "; learner.meta_prompter learns its pool alone: that would stay random";
    if (prompts.reparametrisation() != PromptSpec::PLAIN) {
      broken.push_back(absl::StrCat("model.prompt.reparametrisation is ", reparametrisation, kWhy));
    }
    if (prompts.prefix_length() > 0) {
      broken.push_back(absl::StrCat("model.prompt.prefix_length is ", prompts.prefix_length(), kWhy));
    }
  }
  if (spec.model().verbalizer().kind() == VerbalizerSpec::PROTOTYPE && !TakesPrototypes(learner)) {
    broken.emplace_back(
        "model.verbalizer.kind is PROTOTYPE; it is for learner.maml, reptile, anil, meta_sgd, cavia and imaml");
  }
  if (learner.has_linear_probe() && spec.train().meta_steps() > 0) {
    broken.push_back(absl::StrCat("train.meta_steps is ", spec.train().meta_steps(),
                                  "; learner.linear_probe meta-learns nothing: it must be 0"));
  }
  check(CheckDevice(spec.device()));
  check(CheckTemplate(spec.model().prompt().template_()));
  return broken;
}

int TrainWays(const EpisodeSpec& spec) { return spec.train_ways() > 0 ? spec.train_ways() : spec.ways(); }

int TrainQueries(const EpisodeSpec& spec) { return spec.train_queries() > 0 ? spec.train_queries() : spec.queries(); }

namespace {

// The file with `sets` applied. Nothing is checked yet.
absl::StatusOr<ExperimentSpec> ReadSpec(const std::string& path, const std::vector<std::string>& sets) {
  ASSIGN_OR_RETURN(const std::string text, ReadFile(path));
  ExperimentSpec spec;
  RETURN_IF_ERROR(ParseSpec(text, path, &spec));
  for (const std::string& set : sets) {
    RETURN_IF_ERROR(SetField(set, &spec));
  }
  return spec;
}

absl::Status ErrorOf(const std::string& path, const std::vector<std::string>& broken) {
  return broken.empty() ? absl::OkStatus()
                        : absl::InvalidArgumentError(
                              absl::StrCat(path, ": ", absl::StrJoin(broken, absl::StrCat("\n", path, ": "))));
}

}  // namespace

absl::StatusOr<DatasetSpec> LoadDatasetSpec(const std::string& path, const std::vector<std::string>& sets) {
  ASSIGN_OR_RETURN(const ExperimentSpec spec, ReadSpec(path, sets));
  if (!spec.has_dataset()) {
    return ErrorOf(path, {"dataset must be set"});
  }
  DatasetSpec dataset = spec.dataset();
  RETURN_IF_ERROR(ErrorOf(path, BrokenRules(dataset, "dataset.")));
  WriteOutDefaults(&dataset);
  return dataset;
}

absl::StatusOr<ExperimentSpec> LoadSpec(const std::string& path, const std::vector<std::string>& sets) {
  ASSIGN_OR_RETURN(ExperimentSpec spec, ReadSpec(path, sets));
  // Groups that are all defaults may be left out of the file, not out of the record.
  spec.mutable_model()->mutable_tokenizer();
  spec.mutable_model()->mutable_prompt();
  spec.mutable_model()->mutable_verbalizer();
  spec.mutable_model()->mutable_lora();
  AddGroups(spec.mutable_learner());
  spec.mutable_train();
  spec.mutable_test();
  RETURN_IF_ERROR(ErrorOf(path, CheckSpec(spec)));
  WriteOutDefaults(&spec);
  return spec;
}

}  // namespace metaprompt
