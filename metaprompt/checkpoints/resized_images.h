// Checkpoints of image encoders for images of another size.
#ifndef METAPROMPT_CHECKPOINTS_RESIZED_IMAGES_H_
#define METAPROMPT_CHECKPOINTS_RESIZED_IMAGES_H_

#include <cstdint>

#include "metaprompt/checkpoints/checkpoint.h"

namespace metaprompt {

// The same image encoder for images of `side` x `side` pixels. `side` must be a multiple of the patch size
// (TORCH_CHECK). The position embeddings of the patches, as a picture with one pixel per patch, are interpolated with a
// bicubic filter (Dosovitskiy et al. 2021, section 3.2). They are those with which `transformers` computes if its
// argument interpolate_pos_encoding is true. config.json gets the new size.
Checkpoint ForImagesOf(int64_t side, Checkpoint checkpoint);

}  // namespace metaprompt

#endif  // METAPROMPT_CHECKPOINTS_RESIZED_IMAGES_H_
