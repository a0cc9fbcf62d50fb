#include "experiments/report/describe_learner.h"

#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "learners/learner_facts.h"

namespace metaprompt {
namespace {

// The part of the encoder that the scope contains. Empty: none.
std::string EncoderPart(const ScopeSpec& scope) {
  switch (scope.part()) {
    case ScopeSpec::ALL:
    case ScopeSpec::ENCODER:
      return "encoder";
    case ScopeSpec::LAST_LAYERS:
      return scope.layers() == 0 ? "head"
                                 : absl::StrCat("last ", scope.layers(), scope.layers() == 1 ? " layer" : " layers");
    case ScopeSpec::BIASES:
      return "biases";
    default:
      return "";
  }
}

}  // namespace

std::string WhatAdapts(const LearnerSpec& learner, const ModelSpec& model) {
  if (const LearnerFacts& facts_of_learner = FactsOf(learner); facts_of_learner.has_adapted()) {
    return facts_of_learner.adapted();
  }
  const InnerSpec& inner = learner.meta_test().has_inner() ? learner.meta_test().inner() : learner.inner();
  const ScopeSpec& scope = AdaptedScope(learner);
  const ScopeSpec::Part part = scope.part();
  std::vector<std::string> parts;
  if (const std::string encoder = EncoderPart(scope); !encoder.empty() && inner.encoder_lr() > 0) {
    parts.push_back(encoder);
  }
  if (part != ScopeSpec::NONE && part != ScopeSpec::ENCODER && inner.prompt_lr() > 0 &&
      absl::StrContains(model.prompt().template_(), "<soft")) {
    parts.emplace_back("soft prompt");
  }
  if ((part == ScopeSpec::ALL || part == ScopeSpec::ENCODER || part == ScopeSpec::LORA) && model.lora().rank() > 0 &&
      inner.lora_lr() > 0) {
    parts.emplace_back("LoRA");
  }
  if (inner.class_lr() > 0) {
    parts.emplace_back("class vectors");
  }
  if (parts.empty() || (inner.steps() == 0 && learner.meta_test().epochs() == 0)) {
    return "nothing";
  }
  return absl::StrJoin(parts, ", ");
}

}  // namespace metaprompt
