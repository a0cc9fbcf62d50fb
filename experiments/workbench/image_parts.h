// The encoder of a run on images, and the processor that turns image bytes into its inputs.
#ifndef EXPERIMENTS_WORKBENCH_IMAGE_PARTS_H_
#define EXPERIMENTS_WORKBENCH_IMAGE_PARTS_H_

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "datasets/image_shape.h"
#include "experiments/workbench/model_assembly.h"
#include "metaprompt/model/model.pb.h"
#include "metaprompt/tokenizers/tokenizer.h"

namespace metaprompt {

// A checkpoint's encoder and preprocessor. Errors: OpenCheckpoint's and ImageProcessor::Parse's, and an encoder of
// texts.
absl::StatusOr<EncoderParts> OpenImageEncoder(const std::string& folder, bool allow_unknown);

// OK if the encoder and the preprocessor of these parts, which are from `folder`, take images of that shape.
absl::Status CheckTakes(const EncoderParts& parts, const ImageShape& shape, const std::string& folder);

// OpenImageEncoder for the spec's checkpoint, with its positions interpolated if the spec asks for it, or a new ViT
// without values, for images of that shape.
absl::StatusOr<EncoderParts> ImageEncoderOfRun(const ModelSpec& spec, const ImageShape& shape);

// The same from the config.json and preprocessor_config.json that a run keeps in `folder`, without parameter values.
// `files` is set to these files.
absl::StatusOr<EncoderParts> ReadImageParts(const std::string& folder, TokenizerFiles* files);

}  // namespace metaprompt

#endif  // EXPERIMENTS_WORKBENCH_IMAGE_PARTS_H_
