// The kinds of experiment that `metaprompt init` can write.
#ifndef EXPERIMENTS_OWN_TEXTS_INIT_KINDS_H_
#define EXPERIMENTS_OWN_TEXTS_INIT_KINDS_H_

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"

namespace metaprompt {

struct InitKind {
  const char* name;
  const char* meaning;         // one line
  const char* learner;         // `learner { ... }` and `train { ... }` in text format, with comments
  const char* random_learner;  // the same for an encoder with random weights; null: the kind needs a checkpoint
  bool prototypes;             // whether class vectors start as prototypes
  bool trains;                 // whether there is meta-training
};

absl::Span<const InitKind> AllInitKinds();

// The kind of that name, or the first if it is empty. The error lists all.
absl::StatusOr<const InitKind*> InitKindOf(absl::string_view name);

}  // namespace metaprompt

#endif  // EXPERIMENTS_OWN_TEXTS_INIT_KINDS_H_
