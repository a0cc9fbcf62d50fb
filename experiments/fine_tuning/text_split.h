// Which texts or images are for training, validating and testing a classifier.
#ifndef EXPERIMENTS_FINE_TUNING_TEXT_SPLIT_H_
#define EXPERIMENTS_FINE_TUNING_TEXT_SPLIT_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "datasets/image_shape.h"
#include "experiments/fine_tuning/fine_tuning.pb.h"

namespace metaprompt {

struct LabelledText {
  std::string text;   // or several texts, or the bytes of an image: TextClass::texts
  int64_t label = 0;  // index into TextSplit::labels
};

// The labels of the examples.
std::vector<int64_t> LabelsOf(const std::vector<LabelledText>& labelled);

struct TextSplit {
  std::vector<std::string> labels;      // in byte order
  std::vector<std::string> text_names;  // Dataset::text_names
  std::optional<ImageShape> images;     // Dataset::images
  std::vector<LabelledText> train;      // here and below by class, and within a class in the source's order
  std::vector<LabelledText> valid;
  std::vector<LabelledText> test;
  TextFacts facts;  // all but cut_texts
};

// Loads the data of the spec and splits its texts, or its images. No text is in two parts, even if it occurs under
// several labels: a published test text is always a test text; any other published validation text is a validation
// text; where shares are drawn, all copies of a text go to the part of its first copy. The share of each class is
// rounded to a whole number of texts. Which texts are drawn depends only on texts.seed and the texts themselves, not on
// their order. Errors: those of the sources; a published text with a label that `dataset` does not have; published
// images of another size; a class without a training text; fewer than two classes.
absl::StatusOr<TextSplit> TextSplitOf(const FineTuningSpec& spec);

}  // namespace metaprompt

#endif  // EXPERIMENTS_FINE_TUNING_TEXT_SPLIT_H_
