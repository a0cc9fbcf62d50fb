#include "experiments/own_texts/first_spec.h"

#include <c10/util/Exception.h>

#include <cstddef>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "learners/check_learner.h"
#include "metaprompt/specs/field_rules.h"
#include "metaprompt/specs/spec_fields.h"

namespace metaprompt {

namespace {

// All texts of an example except the first, as they are written in a template: " {text_b}".
std::string OtherTexts(const std::vector<std::string>& names) {
  std::string texts;
  for (size_t i = 1; i < names.size(); ++i) {
    absl::StrAppend(&texts, " {", names[i], "}");
  }
  return texts;
}

// The initial values of class vectors, and the verbalizer. `times`: how many examples a class name counts as.
std::string VerbalizerText(bool several_texts, int times, int temperature) {
  const std::string rest = absl::StrCat(" temperature: ", temperature, " allow_same_words: true }\n}\n");
  if (several_texts) {
    return absl::StrCat(
        "  # A class begins as the mean of its examples. Its name does not count as one: an example has several "
        "texts.\n"
        "  verbalizer { kind: PROTOTYPE",
        rest);
  }
  return absl::StrCat("  # A class begins as the mean of its examples; its name counts as ",
                      times == 1 ? "one more" : "two more", ". Two names may have the same words.\n",
                      "  verbalizer { kind: PROTOTYPE answer_texts: ", times, rest);
}

}  // namespace

std::string FirstModelText(const std::string& folder, const Encoder& encoder, int max_tokens,
                           const std::vector<std::string>& names) {
  const bool several = names.size() > 1;
  const std::string checkpoint =
      absl::StrCat("  encoder { checkpoint { path: \"", absl::Utf8SafeCEscape(folder), "\"",
                   max_tokens > 0 ? absl::StrCat(" max_tokens: ", max_tokens) : "", " } }\n");
  if (encoder.config().causal) {
    return absl::StrCat("model {\n", checkpoint,
                        "  # The checkpoint is a causal model: texts are compared by what it expects after them.\n"
                        "  prompt { template: \"{",
                        names[0], "}", OtherTexts(names), " . <soft> topic : {mask}\" init_words: \"the\" }\n",
                        VerbalizerText(several, 2, 50));
  }
  if (encoder.layout().has_head()) {
    return absl::StrCat("model {\n", checkpoint,
                        "  # The checkpoint has a masked-language-model head: texts are compared by what the model "
                        "expects at {mask}.\n",
                        several ? absl::StrCat("  prompt { template: \"{", names[0], "} ? <soft> {mask} ,",
                                               OtherTexts(names), "\" init_words: \"the\" }\n")
                                : "  prompt { template: \"{text} . <soft> topic : {mask} .\" init_words: \"the\" }\n",
                        VerbalizerText(several, 2, 50));
  }
  return absl::StrCat(
      "model {\n", checkpoint,
      "  # The checkpoint has no masked-language-model head: texts are compared by the mean of their tokens' vectors.\n"
      "  prompt { template: \"{",
      names[0], "} <soft> {mask}", OtherTexts(names),
      "\" init_words: \"the\" }\n"
      "  features: UNIT_MEAN\n"
      "  read: UNIT_MEAN\n",
      VerbalizerText(several, 1, 20));
}

ExperimentSpec FirstSpec(const std::string& folder, const Encoder& encoder, const std::vector<std::string>& names) {
  ExperimentSpec spec;
  const std::string text = absl::StrCat(
      "name: \"classifier\"\n", FirstModelText(folder, encoder, 0, names),
      "episodes { shots: 1 }\nlearner { maml { order: FIRST } inner { steps: 0 } }\ntrain { meta_steps: 0 }\n");
  const absl::Status parsed = ParseSpec(text, "the first spec", &spec);
  TORCH_CHECK(parsed.ok(), parsed.ToString());
  spec.mutable_model()->mutable_tokenizer();
  spec.mutable_model()->mutable_lora();
  AddGroups(spec.mutable_learner());
  spec.mutable_test();
  WriteOutDefaults(&spec);
  return spec;
}

}  // namespace metaprompt
