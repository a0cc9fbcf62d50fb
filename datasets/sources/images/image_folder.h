// A user's own images: one folder of PNG or JPEG files per class.
#ifndef DATASETS_SOURCES_IMAGES_IMAGE_FOLDER_H_
#define DATASETS_SOURCES_IMAGES_IMAGE_FOLDER_H_

#include "absl/status/statusor.h"
#include "datasets/dataset.pb.h"
#include "datasets/readers/texts_by_label.h"

namespace metaprompt {

// The label of an image is the name of the folder that holds it, at any depth below the path. Files whose names do not
// end with .png, .jpg or .jpeg are ignored. Errors name the file: those of DecodeImage, an image outside any folder, an
// image of another size than the first; images of more than 1 GiB together.
absl::StatusOr<Imported> LoadImageFolder(const ImageFolderSource& source, const ImportOptions& options);

}  // namespace metaprompt

#endif  // DATASETS_SOURCES_IMAGES_IMAGE_FOLDER_H_
