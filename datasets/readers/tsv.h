// Files with one `label<TAB>text` per line.
#ifndef DATASETS_READERS_TSV_H_
#define DATASETS_READERS_TSV_H_

#include "absl/status/statusor.h"
#include "datasets/dataset.pb.h"
#include "datasets/readers/texts_by_label.h"

namespace metaprompt {

// Empty lines are skipped. Any other line that is not a label, one tab and a text is damaged.
absl::StatusOr<Imported> LoadTsv(const TsvSource& source, const ImportOptions& options);

}  // namespace metaprompt

#endif  // DATASETS_READERS_TSV_H_
