#include "experiments/fine_tuning/labelled_images.h"

#include <utility>

namespace metaprompt {

LabelledImages::LabelledImages(const std::vector<LabelledText>& images, const ImageShape& shape,
                               ImageProcessor processor, int64_t patches)
    : LabelledInputs(LabelsOf(images)),
      images_(static_cast<int64_t>(images.size()), shape, std::move(processor), /*soft=*/0, patches),
      patches_(patches) {
  for (const LabelledText& one : images) {
    images_.Add(one.text);
  }
}

int64_t LabelledImages::TokensOf(int64_t /*i*/) const { return 1 + patches_; }

Inputs LabelledImages::Of(absl::Span<const int64_t> which, at::ScalarType type) const {
  return images_.Inputs(which, type);
}

}  // namespace metaprompt
