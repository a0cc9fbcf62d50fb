// Labelled text and the class split: what every source becomes. No tensors and no tokens here.
#ifndef DATASETS_DATASET_H_
#define DATASETS_DATASET_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "datasets/dataset.pb.h"
#include "datasets/splits/split.h"
#include "datasets/texts.h"

namespace metaprompt {

struct TextClass {
  std::string label;  // as the source spells it; unique
  std::string name;   // what a verbalizer reads: "gnu-r" is "GNU R"
  Split split = Split::kTrain;
  Texts texts;  // UTF-8, no tabs or line ends, not empty, in the source's order
};

struct Dataset {
  std::string name;                // "debian", or the file's name
  std::string distribution;        // which public distribution its counts are those of; empty: not known
  std::string split_name;          // of a published split; empty: one of one's own
  std::vector<TextClass> classes;  // in byte order of their labels
  int64_t dropped_duplicates = 0;
  int64_t unused_texts = 0;       // of labels that the split does not name
  int64_t empty_texts = 0;        // left out: public data hold records without a text
  int64_t skipped_bad_lines = 0;  // left out

  int64_t NumTexts() const;
  std::vector<const TextClass*> Of(Split split) const;

  // Seals the texts of a split, or opens them again: Texts.
  void SetSealed(Split split, bool sealed);
};

// Reads the source that `spec` names, applies the split and drops duplicates: of equal texts of one class the first
// stays. Where `spec` gives no split the source's first published one holds; a section that the debian index lacks is
// left out of it. An error names the file and the line: `train.tsv:17: no tab between label and text`.
absl::StatusOr<Dataset> LoadDataset(const DatasetSpec& spec);

// `split<TAB>label<TAB>name<TAB>text` lines in order of classes and texts: all that an experiment sees of the data.
std::string ExportText(const Dataset& dataset);

// SHA-256 of ExportText.
std::string ContentSha256(const Dataset& dataset);

// A table for people: per split its classes, per class its texts and their lengths in words, then what was left out and
// the hash.
std::string StatsText(const Dataset& dataset);

}  // namespace metaprompt

#endif  // DATASETS_DATASET_H_
