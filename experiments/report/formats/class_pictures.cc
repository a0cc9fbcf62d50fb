#include "experiments/report/formats/class_pictures.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "datasets/dataset.h"
#include "datasets/image_shape.h"
#include "datasets/sources/load_dataset.h"
#include "datasets/split.h"
#include "datasets/text_names.h"
#include "experiments/report/reported_runs.h"
#include "experiments/report/shot_classes.h"
#include "experiments/result.pb.h"
#include "metaprompt/base/status_macros.h"

namespace metaprompt {
namespace {

constexpr size_t kPictures = 3;    // per class
constexpr int64_t kMostSide = 64;  // pixels

// The image with every n-th row and column, n being `step`.
std::string Thinned(absl::string_view image, const ImageShape& shape, int64_t step) {
  std::string thinned;
  for (int64_t channel = 0; channel < shape.channels; ++channel) {
    for (int64_t y = 0; y < shape.height; y += step) {
      for (int64_t x = 0; x < shape.width; x += step) {
        thinned.push_back(image[static_cast<size_t>((channel * shape.height + y) * shape.width + x)]);
      }
    }
  }
  return thinned;
}

absl::StatusOr<ClassPictures> PicturesOf(const RunRecord& record) {
  ASSIGN_OR_RETURN(const Dataset dataset, LoadDataset(record.spec().dataset()));
  if (ContentSha256(dataset) != record.dataset().content_sha256()) {
    return absl::FailedPreconditionError(absl::StrCat(dataset.name, ": the data are not those of the run any more"));
  }
  const ImageShape& shape = *dataset.images;
  const int64_t step = (std::max(shape.height, shape.width) + kMostSide - 1) / kMostSide;
  ClassPictures pictures;
  pictures.shape = {shape.channels, (shape.height + step - 1) / step, (shape.width + step - 1) / step};
  for (const TextClass* one : dataset.Of(Split::kTest)) {
    for (size_t i = 0; i < std::min(kPictures, one->texts.size()); ++i) {
      pictures.of_class[one->label].push_back(Thinned(one->texts[i], shape, step));
    }
  }
  return pictures;
}

}  // namespace

void AddPictures(Report* report) {
  for (SeedGroup& group : report->groups) {
    const RunRecord& record = group.runs[0].record;
    if (!HasImages(record.spec().dataset()) || ClassesOf(group).empty()) {
      continue;
    }
    absl::StatusOr<ClassPictures> pictures = PicturesOf(record);
    if (pictures.ok()) {
      group.pictures = *std::move(pictures);
    } else {
      report->notes.push_back(absl::StrCat(group.name,
                                           ": without pictures of its classes, because its data cannot be "
                                           "read: ",
                                           pictures.status().message()));
    }
  }
}

}  // namespace metaprompt
