// The rules for specs whose data are images, which have no words.
#ifndef EXPERIMENTS_IMAGE_SPEC_H_
#define EXPERIMENTS_IMAGE_SPEC_H_

#include <string>
#include <vector>

#include "datasets/dataset.pb.h"
#include "experiments/experiment.pb.h"

namespace metaprompt {

// The broken rules; each names its field. For images: text settings that would be ignored, and a text encoder. For
// texts: image settings, and an image encoder.
std::vector<std::string> CheckInputs(const ExperimentSpec& spec);

// The broken rules of a data set of images: settings for texts.
std::vector<std::string> CheckImageData(const DatasetSpec& dataset);

// Whether the model has soft vectors: in the template or, for images, beside the patches.
bool HasSoftVectors(const ExperimentSpec& spec);

// "model.prompt.template has no <soft>", or the same for images.
std::string NoSoftVectors(const ExperimentSpec& spec);

}  // namespace metaprompt

#endif  // EXPERIMENTS_IMAGE_SPEC_H_
