// HuffPost headlines: the News Category Dataset (Misra 2022), or a part of it as Bao et al. (2020) prepared it.
#ifndef DATASETS_SOURCES_HUFFPOST_H_
#define DATASETS_SOURCES_HUFFPOST_H_

#include "absl/status/statusor.h"
#include "datasets/dataset.pb.h"
#include "datasets/readers/texts_by_label.h"

namespace metaprompt {

// One JSON object a line, with `category`, `headline` and `short_description`; with `label` in place of `category` it
// is a line of the prepared file. Labels are the categories in both.
absl::StatusOr<Imported> LoadHuffPost(const HuffPostSource& source, const ImportOptions& options);

}  // namespace metaprompt

#endif  // DATASETS_SOURCES_HUFFPOST_H_
