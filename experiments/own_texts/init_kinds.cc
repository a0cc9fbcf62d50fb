#include "experiments/own_texts/init_kinds.h"

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "metaprompt/base/text.h"

namespace metaprompt {
namespace {

constexpr char kTrain[] =
    "# One task per meta-step. Every 20 steps the validation classes show whether the start has become better.\n"
    "train { meta_steps: 80 meta_batch: 1 validate_every: 20 valid_episodes: 40 checkpoint_every: 20 }\n";

constexpr char kPrototypes[] =
    "# Classes are their prototypes, without inner steps: meta-training learns a space in which that works. This is "
    "the\n"
    "# cheapest learner, and inner steps added nothing to it in the comparisons of docs/minilm.md.\n"
    "learner {\n"
    "  maml { order: FIRST }\n"
    "  inner { steps: 0 }\n"
    "  meta_optimizer { encoder_lr: 2e-5 word_lr: 0 prompt_lr: 0.002 }\n"
    "}\n";

constexpr char kMaml[] =
    "# One gradient step on the support set; first-order MAML learns the start from which that step goes furthest.\n"
    "learner {\n"
    "  maml { order: FIRST }\n"
    "  inner { steps: 1 encoder_lr: 0.002 prompt_lr: 0.05 }\n"
    "  meta_optimizer { encoder_lr: 2e-5 word_lr: 0 prompt_lr: 0.002 }\n"
    "}\n";

constexpr char kPrompt[] =
    "# Only the soft prompt is learned and adapts; the encoder stays as it is. Takes the least memory.\n"
    "learner {\n"
    "  maml { order: FIRST }\n"
    "  inner { steps: 1 prompt_lr: 0.05 }\n"
    "  adapts { part: PROMPT }\n"
    "  learns { part: PROMPT }\n"
    "  meta_optimizer { prompt_lr: 0.02 }\n"
    "}\n";

constexpr char kProbe[] =
    "# Without meta-learning: a linear classifier on the encoder's states, fitted to each support set. A baseline.\n"
    "learner { linear_probe {} }\n"
    "train { meta_steps: 0 valid_episodes: 2 }\n";

constexpr char kRandom[] =
    "# One inner step on the soft prompt and the class vectors. The whole model is meta-learned, from random weights.\n"
    "learner {\n"
    "  maml {}\n"
    "  inner { steps: 1 prompt_lr: 0.05 encoder_lr: 0 class_lr: 0.4 }\n"
    "  meta_optimizer { encoder_lr: 0.0001 word_lr: 0.0003 prompt_lr: 0.001 warmup_share: 0.1 }\n"
    "}\n";

const std::vector<InitKind>& Kinds() {
  static const auto* const kinds = [] {
    const auto with_train = [](const char* learner) {
      return (new std::string(absl::StrCat(learner, kTrain)))->c_str();
    };
    return new std::vector<InitKind>{
        {"prototypes", "meta-learned prototypes: cheap, and as good as any other here", with_train(kPrototypes),
         with_train(kRandom), true, true},
        {"maml", "first-order MAML: the whole model takes one step on the support set", with_train(kMaml),
         with_train(kRandom), true, true},
        {"prompt", "only the soft prompt is learned; the encoder stays as it is", with_train(kPrompt), nullptr, true,
         true},
        {"linear_probe", "no meta-learning: a linear classifier on the encoder's states, a baseline", kProbe, nullptr,
         false, false},
    };
  }();
  return *kinds;
}

}  // namespace

absl::Span<const InitKind> AllInitKinds() { return Kinds(); }

absl::StatusOr<const InitKind*> InitKindOf(absl::string_view name) {
  for (const InitKind& kind : Kinds()) {
    if (name.empty() || name == kind.name) {
      return &kind;
    }
  }
  return absl::InvalidArgumentError(absl::StrCat(
      "there is no template ", Quoted(name),
      "; known: ", absl::StrJoin(Kinds(), ", ", [](std::string* out, const InitKind& kind) { *out += kind.name; })));
}

}  // namespace metaprompt
