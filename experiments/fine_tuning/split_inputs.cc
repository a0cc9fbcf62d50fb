#include "experiments/fine_tuning/split_inputs.h"

#include <vector>

#include "experiments/fine_tuning/labelled_images.h"
#include "experiments/fine_tuning/tokenize_texts.h"
#include "metaprompt/base/status_macros.h"

namespace metaprompt {

absl::StatusOr<SplitInputs> SplitInputsOf(const FineTuningSpec& spec, const TextSplit& split,
                                          const EncoderParts& parts) {
  SplitInputs inputs;
  if (split.images.has_value()) {
    const auto of_images = [&](const std::vector<LabelledText>& side) {
      return std::make_unique<LabelledImages>(side, *split.images, *parts.images, parts.encoder->config().patches());
    };
    inputs.train = of_images(split.train);
    inputs.valid = of_images(split.valid);
    inputs.test = of_images(split.test);
    return inputs;
  }
  ASSIGN_OR_RETURN(const TextFrame frame, TextFrame::Create(spec, *parts.tokenizer, *parts.encoder, split.text_names));
  const auto of_texts = [&](const std::vector<LabelledText>& side) {
    auto texts = std::make_unique<TokenizedTexts>(Tokenized(side, *parts.tokenizer, frame));
    inputs.cut_texts += texts->cut();
    return texts;
  };
  inputs.train = of_texts(split.train);
  inputs.valid = of_texts(split.valid);
  inputs.test = of_texts(split.test);
  return inputs;
}

}  // namespace metaprompt
