#include "experiments/own_texts/first_spec.h"

#include <c10/util/Exception.h>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "learners/check_learner.h"
#include "metaprompt/base/spec_fields.h"

namespace metaprompt {

std::string FirstModelText(const std::string& encoder, bool has_head, int max_tokens) {
  const std::string checkpoint =
      absl::StrCat("  encoder { checkpoint { path: \"", absl::Utf8SafeCEscape(encoder), "\"",
                   max_tokens > 0 ? absl::StrCat(" max_tokens: ", max_tokens) : "", " } }\n");
  if (has_head) {
    return absl::StrCat(
        "model {\n", checkpoint,
        "  # The checkpoint has a masked-language-model head: texts are compared by what the model expects at {mask}.\n"
        "  prompt { template: \"{text} . <soft> topic : {mask} .\" init_words: \"the\" }\n"
        "  # A class begins as the mean of its examples; its name counts as two more. Names may be the same words.\n"
        "  verbalizer { kind: PROTOTYPE answer_texts: 2 temperature: 50 allow_same_words: true }\n"
        "}\n");
  }
  return absl::StrCat(
      "model {\n", checkpoint,
      "  # The checkpoint has no masked-language-model head: texts are compared by the mean of their tokens' vectors.\n"
      "  prompt { template: \"{text} <soft> {mask}\" init_words: \"the\" }\n"
      "  features: UNIT_MEAN\n"
      "  read: UNIT_MEAN\n"
      "  # A class begins as the mean of its examples; its name counts as one more. Names may be the same words.\n"
      "  verbalizer { kind: PROTOTYPE answer_texts: 1 temperature: 20 allow_same_words: true }\n"
      "}\n");
}

ExperimentSpec FirstSpec(const std::string& encoder, bool has_head) {
  ExperimentSpec spec;
  const std::string text = absl::StrCat(
      "name: \"classifier\"\n", FirstModelText(encoder, has_head, 0),
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
