// What a fine-tuning starts from: an encoder with its values, and a tokenizer or a processor of images.
#ifndef EXPERIMENTS_FINE_TUNING_START_ENCODER_H_
#define EXPERIMENTS_FINE_TUNING_START_ENCODER_H_

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "datasets/image_shape.h"
#include "experiments/fine_tuning/fine_tuning.pb.h"
#include "experiments/result.pb.h"
#include "experiments/workbench/model_assembly.h"
#include "experiments/workbench/seen_texts.h"
#include "metaprompt/tokenizers/tokenizer.h"

namespace metaprompt {

struct StartEncoder {
  EncoderParts parts;  // the parameters are always there
  ModelFacts facts;
  SeenTexts seen;  // the texts that its parameters were trained on, as far as its folder lists them
};

// Opens the spec's checkpoint or run, or makes a new BERT or a new ViT. `images`: the shape of the data's images; unset
// for texts. `kept`: the tokenizer files of a stopped fine-tuning. `train_texts` is called only if a tokenizer is
// trained. Errors name the field or the folder.
absl::StatusOr<StartEncoder> OpenStartEncoder(const FineTuningSpec& spec, const std::optional<ImageShape>& images,
                                              const TokenizerFiles& kept,
                                              const std::function<std::vector<std::string>()>& train_texts);

}  // namespace metaprompt

#endif  // EXPERIMENTS_FINE_TUNING_START_ENCODER_H_
