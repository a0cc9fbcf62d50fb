#include "experiments/workbench/divergence.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "learners/learner.h"
#include "learners/learner_facts.h"
#include "learners/papers/make_learner.h"
#include "metaprompt/model/finite.h"

namespace metaprompt {
namespace {

// The inner steps that Adapt takes.
InnerSpec* StepsOf(LearnerSpec* spec) {
  return spec->has_meta_test() && spec->meta_test().has_inner() ? spec->mutable_meta_test()->mutable_inner()
                                                                : spec->mutable_inner();
}

bool FiniteAfter(int steps, LearnerSpec spec, const Model& model, const ParamList& meta, const Batch& support) {
  StepsOf(&spec)->set_steps(steps);
  const std::unique_ptr<Learner> learner = MakeLearner(spec);
  const AdaptedParams adapted = learner->Adapt(model, meta, support);
  for (size_t i = 0; i < adapted.model.size(); ++i) {
    if (!AllFinite(adapted.model[i])) {
      return false;
    }
  }
  const at::NoGradGuard no_grad;
  return AllFinite(learner->Logits(model, adapted, support));
}

// " with learner.inner's encoder_lr 100, class_lr 1000"
std::string StepSizes(const Model& model, LearnerSpec spec) {
  const bool own = spec.has_meta_test() && spec.meta_test().has_inner();
  if (spec.has_meta_sgd() && !own) {
    return " with the step sizes that were learned";
  }
  const InnerSpec& inner = *StepsOf(&spec);
  std::vector<std::string> rates;
  const auto add = [&](const char* name, double rate, ParamGroup group) {
    if (rate > 0 && CountNumbers(model.params(), group) > 0) {
      rates.push_back(absl::StrCat(name, " ", rate));
    }
  };
  add("encoder_lr", inner.encoder_lr(), ParamGroup::kEncoder);
  add("prompt_lr", inner.prompt_lr(), ParamGroup::kPrompt);
  add("lora_lr", inner.lora_lr(), ParamGroup::kLora);
  add("class_lr", inner.class_lr(), ParamGroup::kEncoder);
  return absl::StrCat(" with learner.", own ? "meta_test.inner" : "inner", "'s ", absl::StrJoin(rates, ", "));
}

}  // namespace

absl::Status Divergence(const LearnerSpec& spec, const Model& model, const ParamList& meta, const Batch& support) {
  const auto error = [](absl::string_view what) { return absl::FailedPreconditionError(what); };
  const std::unique_ptr<Learner> learner = MakeLearner(spec);
  if (const absl::Status status = CheckFinite(MetaInfos(model, *learner), meta); !status.ok()) {
    return error(absl::StrCat("the parameters are not finite before any step: ", status.message()));
  }
  if (!Heeds(spec, LearnerFacts::INNER)) {
    return error(absl::StrCat("the parameters are finite, but what ", LearnerName(spec), " computes from them is not"));
  }
  const auto finite_after = [&](int steps) { return FiniteAfter(steps, spec, model, meta, support); };
  LearnerSpec copy = spec;
  const int all = StepsOf(&copy)->steps();
  if (spec.meta_test().epochs() > 0) {
    return error(absl::StrCat("the parameters are finite before the ", spec.meta_test().epochs(),
                              " epochs of steps, but the result of the steps is not,", StepSizes(model, spec)));
  }
  if (!finite_after(0)) {
    return error("the parameters are finite, but the logits are not before any step");
  }
  if (spec.meta_test().warmup_share() > 0 || spec.meta_test().decay() != CONSTANT || finite_after(all)) {
    return error(absl::StrCat("the parameters are finite before the ", all,
                              " steps on the support set, but the result of the steps is not,",
                              StepSizes(model, spec)));
  }
  int finite = 0;  // after this number of steps everything is finite
  int beyond = all;
  while (beyond - finite > 1) {
    const int middle = finite + (beyond - finite) / 2;
    (finite_after(middle) ? finite : beyond) = middle;
  }
  return error(absl::StrCat("everything is finite before step ", beyond, " of ", all,
                            " on the support set, but not after it,", StepSizes(model, spec),
                            "; smaller ones may help"));
}

}  // namespace metaprompt
