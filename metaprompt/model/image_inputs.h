// Images as tensors, and the token sequences that an image encoder makes of them.
#ifndef METAPROMPT_MODEL_IMAGE_INPUTS_H_
#define METAPROMPT_MODEL_IMAGE_INPUTS_H_

#include <ATen/core/Tensor.h>

#include <cstdint>

#include "absl/types/span.h"
#include "metaprompt/model/text_inputs.h"

namespace metaprompt {

// B images of one size. An encoder computes each as a sequence of T tokens: the class token, `soft` soft vectors and
// `patches` patches. All sequences are equally long. A value type: copies share memory, and nothing is changed in
// place.
class ImageInputs {
 public:
  // `pixels` [B, channels, height, width] is what the encoder reads, in the type of the parameters. `soft` and
  // `patches` are the model's numbers of soft vectors and of patches per image. Takes O(B T) time.
  ImageInputs(at::Tensor pixels, int64_t soft, int64_t patches);

  int64_t size() const { return tokens_.size(); }
  const at::Tensor& pixels() const { return pixels_; }
  int64_t soft() const { return soft_; }
  int64_t patches() const { return patches_; }

  // The sequences in the form of texts. Token 0 of each sequence is the class token, at which the answer is read. The
  // id of soft vector s is -1 - s. All other ids are 0 and have no meaning, because there is no vocabulary. There are
  // no answers.
  const TextInputs& tokens() const { return tokens_; }

 private:
  at::Tensor pixels_;
  int64_t soft_;
  int64_t patches_;
  TextInputs tokens_;
};

// The images with the indices `which`, each in [0, images.size()).
ImageInputs Select(const ImageInputs& images, absl::Span<const int64_t> which);

// The same images in the device's memory.
ImageInputs OnDevice(const ImageInputs& images, at::Device device);

}  // namespace metaprompt

#endif  // METAPROMPT_MODEL_IMAGE_INPUTS_H_
