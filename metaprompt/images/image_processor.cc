#include "metaprompt/images/image_processor.h"

#include <ATen/ATen.h>

#include <nlohmann/json.hpp>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "metaprompt/architectures/config_fields.h"
#include "metaprompt/base/json.h"
#include "metaprompt/base/status_macros.h"

namespace metaprompt {
namespace {

using Json = nlohmann::json;

constexpr double kHalf = 0.5;          // transformers' mean and deviation of ViT
constexpr int64_t kMaxSize = 1 << 16;  // in pixels
constexpr int64_t kDefaultSize = 224;  // transformers' size for ViT

// transformers' names: ViTFeatureExtractor (before 4.26), ViTImageProcessor, ViTImageProcessorFast.
void CheckType(ConfigFields* fields) {
  for (const char* const field : {"image_processor_type", "feature_extractor_type"}) {
    std::string type = "ViTImageProcessor";
    fields->Text(field, &type);
    if (!absl::StartsWith(type, "ViTImageProcessor") && !absl::StartsWith(type, "ViTFeatureExtractor")) {
      fields->Wrong(field, "ViTImageProcessor", type);
    }
  }
  for (const char* const option : {"do_center_crop", "do_pad"}) {
    bool on = false;
    fields->Flag(option, &on);
    if (on) {
      fields->Fail(absl::StrCat(option, " is true; only resizing, rescaling and normalising are supported"));
    }
  }
}

// "size": 224 or {"height": 224, "width": 224}.
void ReadSize(ConfigFields* fields, int64_t* height, int64_t* width) {
  *height = *width = kDefaultSize;
  const Json* size = fields->Find("size");
  if (size == nullptr) {
    return;
  }
  if (!size->is_object()) {
    fields->Size("size", 1, kMaxSize, height);
    *width = *height;
    return;
  }
  ConfigFields sides(*size, "size");
  sides.Size("height", 1, kMaxSize, height);
  sides.Size("width", 1, kMaxSize, width);
  if (!size->contains("height") || !size->contains("width")) {
    fields->Wrong("size", R"(a number or {"height": ..., "width": ...})", *size);
  } else if (!sides.status().ok()) {
    fields->Fail(sides.status().message());
  }
}

// "resample": Pillow's number of a filter.
void ReadFilter(ConfigFields* fields, ResizeFilter* filter) {
  constexpr int64_t kBilinear = 2;
  constexpr int64_t kBicubic = 3;
  int64_t number = kBilinear;
  fields->Size("resample", 0, 5, &number);
  if (number != kBilinear && number != kBicubic) {
    fields->Fail(absl::StrCat("resample is ", number, "; images can be resized with 2 (bilinear) and 3 (bicubic)"));
  }
  *filter = number == kBicubic ? ResizeFilter::kBicubic : ResizeFilter::kBilinear;
}

// A number for each channel.
void ReadNumbers(absl::string_view field, bool positive, ConfigFields* fields, std::vector<double>* numbers) {
  const Json* const values = fields->Find(field);
  if (values == nullptr) {
    return;
  }
  bool good = values->is_array() && (values->size() == 1 || values->size() == 3);
  numbers->clear();
  for (size_t i = 0; good && i < values->size(); ++i) {
    const Json& value = (*values)[i];
    good = value.is_number() && !(positive && value.get<double>() <= 0);
    numbers->push_back(good ? value.get<double>() : 0);
  }
  if (!good) {
    fields->Wrong(field, positive ? "1 or 3 numbers above 0" : "1 or 3 numbers", *values);
  }
}

at::Tensor PerChannel(const std::vector<double>& values) {
  return at::tensor(at::ArrayRef<double>(values), at::kFloat).view({-1, 1, 1});
}

}  // namespace

ImageProcessor::ImageProcessor(int64_t channels)
    : mean_(static_cast<size_t>(channels), kHalf), deviation_(static_cast<size_t>(channels), kHalf) {}

absl::StatusOr<ImageProcessor> ImageProcessor::Parse(absl::string_view json, absl::string_view name) {
  ASSIGN_OR_RETURN(const Json parsed, ParseJson(json, name));
  if (!parsed.is_object()) {
    return absl::InvalidArgumentError(absl::StrCat(name, ": it must be a JSON object, not ", Shown(parsed)));
  }
  ImageProcessor processor(3);
  processor.json_ = std::string(json);
  ConfigFields fields(parsed, name);
  CheckType(&fields);
  bool resizes = true;
  fields.Flag("do_resize", &resizes);
  if (resizes) {
    ReadSize(&fields, &processor.height_, &processor.width_);
    ReadFilter(&fields, &processor.filter_);
  }
  fields.Flag("do_rescale", &processor.rescales_);
  fields.Number("rescale_factor", 1e-9, 1e9, &processor.factor_);
  fields.Flag("do_normalize", &processor.normalises_);
  ReadNumbers("image_mean", /*positive=*/false, &fields, &processor.mean_);
  ReadNumbers("image_std", /*positive=*/true, &fields, &processor.deviation_);
  if (processor.mean_.size() != processor.deviation_.size()) {
    fields.Fail(
        absl::StrCat("image_mean has ", processor.mean_.size(), " numbers, image_std ", processor.deviation_.size()));
  }
  RETURN_IF_ERROR(fields.status());
  return processor;
}

std::string ImageProcessor::ConfigText(int64_t height, int64_t width) const {
  if (!json_.empty()) {
    return json_;
  }
  const nlohmann::ordered_json json = {{"image_processor_type", "ViTImageProcessor"},
                                       {"do_resize", true},
                                       {"size", {{"height", height}, {"width", width}}},
                                       {"do_rescale", rescales_},
                                       {"rescale_factor", factor_},
                                       {"do_normalize", normalises_},
                                       {"image_mean", mean_},
                                       {"image_std", deviation_}};
  return json.dump(2) + "\n";
}

absl::Status ImageProcessor::Check(int64_t channels, absl::string_view name) const {
  if (normalises_ && static_cast<int64_t>(mean_.size()) != channels) {
    return absl::InvalidArgumentError(absl::StrCat(name, ": image_mean has ", mean_.size(),
                                                   " numbers, and the data's images have ", channels,
                                                   channels == 1 ? " channel" : " channels"));
  }
  return absl::OkStatus();
}

absl::StatusOr<ImageProcessor> ImageProcessor::ResizingTo(int64_t side, absl::string_view name) const {
  Json json = Json::parse(ConfigText(side, side));
  json["do_resize"] = true;
  json["size"] = {{"height", side}, {"width", side}};
  return Parse(json.dump(2) + "\n", name);
}

std::pair<int64_t, int64_t> ImageProcessor::SizeOf(int64_t height, int64_t width) const {
  return height_ == 0 ? std::make_pair(height, width) : std::make_pair(height_, width_);
}

at::Tensor ImageProcessor::Pixels(const at::Tensor& images) const {
  const auto [height, width] = SizeOf(images.size(2), images.size(3));
  const at::Tensor bytes = ResizedImages(images, height, width, filter_);
  if (!normalises_) {
    return rescales_ ? bytes.to(at::kFloat) * factor_ : bytes.to(at::kFloat);
  }
  at::Tensor mean = PerChannel(mean_);
  at::Tensor deviation = PerChannel(deviation_);
  if (rescales_) {
    mean = mean * (1.0 / factor_);
    deviation = deviation * (1.0 / factor_);
  }
  return bytes.to(at::kFloat).sub(mean).div(deviation);
}

}  // namespace metaprompt
