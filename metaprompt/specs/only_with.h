// Settings that have an effect only beside certain values of others: `FieldRule.only_with`.
#ifndef METAPROMPT_SPECS_ONLY_WITH_H_
#define METAPROMPT_SPECS_ONLY_WITH_H_

#include <optional>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "google/protobuf/descriptor.h"
#include "google/protobuf/message.h"

namespace metaprompt {

// A message of a spec. A list of them goes from the whole spec down, each inside the one before it.
struct SpecLevel {
  const google::protobuf::Descriptor* type = nullptr;
  std::string prefix;                                  // what its fields' names begin with: `learner.inner.`
  const google::protobuf::Message* message = nullptr;  // null: only the type matters
};

// What a condition of a field of the last level requires: `learner.inner.optimizer is ADAMW`. Nothing if a field that
// the condition names is not in this spec, because several kinds of specs have the same message.
std::optional<std::string> ConditionText(const std::vector<SpecLevel>& levels, absl::string_view condition);

// One line per setting that differs from its default and has no effect:
// `learner.inner.beta1 has no effect: it is used only if learner.inner.optimizer is ADAMW`. `prefix` is put before the
// names of fields, as in BrokenRules.
std::vector<std::string> SettingsWithoutEffect(const google::protobuf::Message& spec, const std::string& prefix = "");

}  // namespace metaprompt

#endif  // METAPROMPT_SPECS_ONLY_WITH_H_
