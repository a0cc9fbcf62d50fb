// Intent data in the layout of ProtAugment (Dopierre et al. 2021): Banking77, HWU64, Clinc150, Liu.
#ifndef DATASETS_SOURCES_PROTAUGMENT_H_
#define DATASETS_SOURCES_PROTAUGMENT_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "datasets/dataset.pb.h"
#include "datasets/readers/texts_by_label.h"
#include "datasets/splits/class_split.h"

namespace metaprompt {

// Reads full.jsonl of the folder: `sentence` and `label` of one JSON object a line.
absl::StatusOr<Imported> LoadProtAugment(const ProtAugmentSource& source, const ImportOptions& options);

// The class fold "fold01" of the folder: few_shot/01/labels.train.txt, labels.valid.txt and labels.test.txt. Its
// classes must be among `labels`, which are in byte order, but with `some_may_lack`. The error of an unknown fold lists
// those of the folder.
absl::StatusOr<ClassPlaces> FoldPlaces(const std::string& folder, absl::string_view fold,
                                       const std::vector<std::string>& labels, bool some_may_lack);

}  // namespace metaprompt

#endif  // DATASETS_SOURCES_PROTAUGMENT_H_
