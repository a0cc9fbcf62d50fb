// Labelled images as the inputs of a classifier.
#ifndef EXPERIMENTS_FINE_TUNING_LABELLED_IMAGES_H_
#define EXPERIMENTS_FINE_TUNING_LABELLED_IMAGES_H_

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <vector>

#include "absl/types/span.h"
#include "datasets/image_shape.h"
#include "episodes/image_store.h"
#include "experiments/fine_tuning/labelled_inputs.h"
#include "experiments/fine_tuning/text_split.h"
#include "metaprompt/images/image_processor.h"

namespace metaprompt {

class LabelledImages : public LabelledInputs {
 public:
  // Copies the images, which have the shape `shape`. `patches`: the encoder's number of patches per image.
  LabelledImages(const std::vector<LabelledText>& images, const ImageShape& shape, ImageProcessor processor,
                 int64_t patches);

  const char* kind() const override { return "images"; }
  int64_t TokensOf(int64_t i) const override;
  Inputs Of(absl::Span<const int64_t> which, at::ScalarType type) const override;

 private:
  ImageStore images_;
  int64_t patches_;
};

}  // namespace metaprompt

#endif  // EXPERIMENTS_FINE_TUNING_LABELLED_IMAGES_H_
