// The embeddings of an image encoder: an image as a sequence of vectors.
#ifndef METAPROMPT_ENCODERS_IMAGE_EMBEDDING_H_
#define METAPROMPT_ENCODERS_IMAGE_EMBEDDING_H_

#include <ATen/core/Tensor.h>

#include "metaprompt/encoders/layout.h"
#include "metaprompt/model/image_inputs.h"
#include "metaprompt/model/params.h"

namespace metaprompt {

// For each image the class token, the soft vectors and the patches, in the order of ImageInputs::tokens: [B T, D]. The
// vector of a patch is W x + b for its pixels x (Dosovitskiy et al. 2021, eq. 1). Patches are ordered row by row, from
// the top. Positions are added to class token and patches, but not to soft vectors (Jia et al. 2022, section 3.2).
//
// `soft` is [S, D], or [M, S, D] for M tasks with equally many images. S is images.soft(). If S is 0, `soft` may be
// undefined. The result can be differentiated twice with respect to each parameter. The images must have the encoder's
// size (TORCH_CHECK).
at::Tensor EmbeddedImages(const ParamList& params, const EncoderLayout& layout, const at::Tensor& soft,
                          const ImageInputs& images);

}  // namespace metaprompt

#endif  // METAPROMPT_ENCODERS_IMAGE_EMBEDDING_H_
