// Labelled texts or images and their class split. Every source is loaded into this form. It has no tensors and no
// tokens.
#ifndef DATASETS_DATASET_H_
#define DATASETS_DATASET_H_

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "datasets/image_shape.h"
#include "datasets/split.h"
#include "datasets/texts.h"

namespace metaprompt {

struct TextClass {
  std::string label;  // as in the source; unique
  std::string name;   // what a verbalizer reads: the name of "gnu-r" is "GNU R"
  Split split = Split::kTrain;
  // The examples: UTF-8, without line ends, in the source's order. The texts of an example of several texts are joined
  // by tabs (example_texts.h); a text has no tab and is not empty. If the data are images, an example is the bytes of
  // one image (ImageShape).
  Texts texts;
  // The texts that other classes, of any split, have too: maps a text's index in `texts` to its index in
  // Dataset::shared_texts.
  std::map<int64_t, int64_t> shared = {};
};

struct Dataset {
  std::string name;  // "debian", or the name of the file or folder
  // The names by which a template refers to the texts of an example, in their order. With two or more names, an example
  // is a pair, or has more texts.
  std::vector<std::string> text_names = {"text"};
  std::optional<ImageShape> images;  // set: the examples are images, all of this shape, and text_names is {"image"}
  std::string distribution;        // the public distribution with these numbers of classes and texts; empty: not known
  std::string split_name;          // of the published split; empty if the spec gives a split
  std::vector<TextClass> classes;  // in byte order of their labels
  int64_t dropped_duplicates = 0;
  int64_t unused_texts = 0;       // texts of labels that the split does not name
  int64_t empty_texts = 0;        // records without a text, left out: public data have some
  int64_t skipped_bad_lines = 0;  // left out
  // For each text that occurs under several labels, the indices of its classes (FindSharedTexts).
  std::vector<std::vector<size_t>> shared_texts = {};

  int64_t NumTexts() const;
  std::vector<const TextClass*> Of(Split split) const;

  // Seals the texts of a split (see Texts), or unseals them.
  void SetSealed(Split split, bool sealed);
};

// OK if the examples are texts. The error names the data set, and `what` as the thing that needs texts.
absl::Status CheckTexts(const Dataset& dataset, absl::string_view what);

// One `split<TAB>label<TAB>name<TAB>text` line per example, in order of classes and examples. An experiment uses
// nothing else of the data. Each text of an example has its own column. An image is written as two hexadecimal digits
// per byte.
std::string ExportText(const Dataset& dataset);

// SHA-256 of ExportText, in hexadecimal digits.
std::string ContentSha256(const Dataset& dataset);

// A table for people: for each class the number of its texts and their lengths in words, or the number of its images;
// then what was left out, and the hash.
std::string StatsText(const Dataset& dataset);

}  // namespace metaprompt

#endif  // DATASETS_DATASET_H_
