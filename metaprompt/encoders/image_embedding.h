// What an encoder of images reads: an image as a sequence of vectors.
#ifndef METAPROMPT_ENCODERS_IMAGE_EMBEDDING_H_
#define METAPROMPT_ENCODERS_IMAGE_EMBEDDING_H_

#include <ATen/core/Tensor.h>

#include "metaprompt/encoders/layout.h"
#include "metaprompt/model/image_inputs.h"
#include "metaprompt/model/params.h"

namespace metaprompt {

// For each image the class token, the soft vectors and the patches, as ImageInputs::tokens orders them: [B T, D]. A
// patch is W x + b for its pixels x (Dosovitskiy et al. 2021, eq. 1); patches are in rows from the top. Positions are
// added to class token and patches, but not to soft vectors (Jia et al. 2022, section 3.2).
//
// `soft` is [S, D], or [M, S, D] for M tasks with equally many images. S is images.soft(); it may be undefined if that
// is 0. Can be differentiated twice in each parameter. TORCH_CHECK: images of another size than the encoder's.
at::Tensor EmbeddedImages(const ParamList& params, const EncoderLayout& layout, const at::Tensor& soft,
                          const ImageInputs& images);

}  // namespace metaprompt

#endif  // METAPROMPT_ENCODERS_IMAGE_EMBEDDING_H_
