#include "episodes/image_store.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <utility>

namespace metaprompt {

ImageStore::ImageStore(int64_t images, const ImageShape& shape, ImageProcessor processor, int64_t soft, int64_t patches)
    : bytes_(at::empty({images, shape.channels, shape.height, shape.width}, at::kByte)),
      processor_(std::move(processor)),
      soft_(soft),
      patches_(patches) {}

void ImageStore::Add(absl::string_view image) {
  TORCH_CHECK(added_ < bytes_.size(0), "ImageStore: more than ", bytes_.size(0), " images");
  const int64_t bytes = bytes_.stride(0);
  TORCH_CHECK(static_cast<int64_t>(image.size()) == bytes, "ImageStore: an image of ", image.size(),
              " bytes instead of ", bytes);
  std::copy(image.begin(), image.end(), bytes_.data_ptr<uint8_t>() + added_ * bytes);
  ++added_;
}

ImageInputs ImageStore::Inputs(absl::Span<const int64_t> which, at::ScalarType type) const {
  const at::Tensor numbers = at::tensor(at::ArrayRef<int64_t>(which.data(), which.size()), at::kLong);
  return {processor_.Pixels(bytes_.index_select(0, numbers)).to(type), soft_, patches_};
}

}  // namespace metaprompt
