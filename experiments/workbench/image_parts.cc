#include "experiments/workbench/image_parts.h"

#include <memory>
#include <utility>

#include "absl/strings/str_cat.h"
#include "experiments/model_size.h"
#include "metaprompt/architectures/config_json.h"
#include "metaprompt/architectures/encoder_config.h"
#include "metaprompt/base/files.h"
#include "metaprompt/base/status_macros.h"
#include "metaprompt/checkpoints/checkpoint.h"
#include "metaprompt/checkpoints/resized_images.h"
#include "metaprompt/encoders/initial_vit.h"
#include "metaprompt/encoders/layout.h"
#include "metaprompt/images/image_processor.h"

namespace metaprompt {
namespace {

absl::StatusOr<ImageProcessor> ReadProcessor(const std::string& folder) {
  const std::string path = absl::StrCat(folder, "/", kPreprocessorFile);
  ASSIGN_OR_RETURN(const std::string json, ReadFile(path));
  return ImageProcessor::Parse(json, path);
}

absl::StatusOr<EncoderParts> NewVit(const VitSpec& spec, const ImageShape& shape) {
  if (shape.height != shape.width) {
    return absl::InvalidArgumentError(absl::StrCat("model.encoder.vit: the images are ", shape.height, " x ",
                                                   shape.width, " pixels; they must be square"));
  }
  ASSIGN_OR_RETURN(const EncoderConfig config, VitConfig(spec, shape.height, shape.channels));
  RETURN_IF_ERROR(CheckFits("model.encoder.vit", LayoutOf(config, /*with_head=*/false).params));
  EncoderParts parts;
  parts.encoder = std::make_unique<Encoder>(config, /*with_head=*/false);
  parts.config_json = ConfigJson(config);
  parts.images = ImageProcessor(shape.channels);
  return parts;
}

absl::StatusOr<Checkpoint> OpenImageCheckpoint(const std::string& folder, bool allow_unknown) {
  ASSIGN_OR_RETURN(Checkpoint checkpoint, OpenCheckpoint(folder, allow_unknown));
  if (const EncoderConfig& config = checkpoint.encoder->config(); !config.reads_images()) {
    return absl::InvalidArgumentError(
        absl::StrCat(folder, ": a ", config.model_type, " reads texts, and the data are images; use a vit"));
  }
  return checkpoint;
}

std::string ColourText(int64_t channels) {
  return channels == 1 ? "grey" : channels == 3 ? "in colour" : absl::StrCat("of ", channels, " channels");
}

EncoderParts PartsOf(Checkpoint checkpoint, ImageProcessor images) {
  EncoderParts parts;
  parts.images = std::move(images);
  parts.encoder = std::move(checkpoint.encoder);
  parts.config_json = std::move(checkpoint.config_json);
  parts.params = std::move(checkpoint.params);
  parts.unused = std::move(checkpoint.unused);
  return parts;
}

// The encoder for images of another size than the checkpoint's.
absl::StatusOr<EncoderParts> WithInterpolatedPositions(const CheckpointSpec& spec) {
  const int64_t side = spec.interpolated_positions().image_size();
  ASSIGN_OR_RETURN(Checkpoint checkpoint, OpenImageCheckpoint(spec.path(), spec.allow_unknown_tensors()));
  EncoderConfig config = checkpoint.encoder->config();
  if (side % config.patch_size != 0) {
    return absl::InvalidArgumentError(absl::StrCat("model.encoder.checkpoint.interpolated_positions.image_size is ",
                                                   side, "; it must be a multiple of the patch size in ", spec.path(),
                                                   ", ", config.patch_size));
  }
  config.image_size = side;
  config.max_positions = 1 + config.patches();
  if (config.patches() > kMaxPatches) {
    return absl::InvalidArgumentError(absl::StrCat("model.encoder.checkpoint.interpolated_positions.image_size is ",
                                                   side, ", which makes ", config.patches(),
                                                   " patches of an image; at most ", kMaxPatches, " are supported"));
  }
  RETURN_IF_ERROR(CheckFits("model.encoder.checkpoint", LayoutOf(config, /*with_head=*/false).params));
  ASSIGN_OR_RETURN(const ImageProcessor images, ReadProcessor(spec.path()));
  ASSIGN_OR_RETURN(ImageProcessor resizing, images.ResizingTo(side, absl::StrCat(spec.path(), "/", kPreprocessorFile)));
  return PartsOf(ForImagesOf(side, std::move(checkpoint)), std::move(resizing));
}

}  // namespace

absl::StatusOr<EncoderParts> OpenImageEncoder(const std::string& folder, bool allow_unknown) {
  ASSIGN_OR_RETURN(Checkpoint checkpoint, OpenImageCheckpoint(folder, allow_unknown));
  ASSIGN_OR_RETURN(ImageProcessor images, ReadProcessor(folder));
  return PartsOf(std::move(checkpoint), std::move(images));
}

absl::Status CheckTakes(const EncoderParts& parts, const ImageShape& shape, const std::string& folder) {
  const EncoderConfig& config = parts.encoder->config();
  const auto [height, width] = parts.images->SizeOf(shape.height, shape.width);
  if (config.channels != shape.channels) {
    return absl::InvalidArgumentError(absl::StrCat(folder, ": the encoder's images are ", ColourText(config.channels),
                                                   ", and the data's are ", ColourText(shape.channels)));
  }
  if (config.image_size != height || config.image_size != width) {
    return absl::InvalidArgumentError(absl::StrCat(
        folder, ": the encoder's images have ", config.image_size, " x ", config.image_size, " pixels, and the data's ",
        height, " x ", width, " after preprocessing (height x width); give ", "images of that size, a ",
        kPreprocessorFile, " that resizes them, or encoder.checkpoint.interpolated_positions"));
  }
  return parts.images->Check(shape.channels, absl::StrCat(folder, "/", kPreprocessorFile));
}

absl::StatusOr<EncoderParts> ImageEncoderOfRun(const ModelSpec& spec, const ImageShape& shape) {
  if (!spec.encoder().has_checkpoint()) {
    return NewVit(spec.encoder().vit(), shape);
  }
  const CheckpointSpec& checkpoint = spec.encoder().checkpoint();
  ASSIGN_OR_RETURN(EncoderParts parts, checkpoint.has_interpolated_positions()
                                           ? WithInterpolatedPositions(checkpoint)
                                           : OpenImageEncoder(checkpoint.path(), checkpoint.allow_unknown_tensors()));
  RETURN_IF_ERROR(CheckTakes(parts, shape, checkpoint.path()));
  return parts;
}

absl::StatusOr<EncoderParts> ReadImageParts(const std::string& folder, TokenizerFiles* files) {
  const std::string path = absl::StrCat(folder, "/config.json");
  EncoderParts parts;
  ASSIGN_OR_RETURN(parts.config_json, ReadFile(path));
  ASSIGN_OR_RETURN(const EncoderConfig config, ParseEncoderConfig(parts.config_json, path));
  RETURN_IF_ERROR(CheckFits(path, LayoutOf(config, /*with_head=*/false).params));
  parts.encoder = std::make_unique<Encoder>(config, /*with_head=*/false);
  ASSIGN_OR_RETURN(parts.images, ReadProcessor(folder));
  *files = InputFiles(parts);
  (*files)["config.json"] = parts.config_json;
  return parts;
}

}  // namespace metaprompt
