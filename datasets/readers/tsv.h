// A file of one's own: `label<TAB>text` on each line.
#ifndef DATASETS_READERS_TSV_H_
#define DATASETS_READERS_TSV_H_

#include "absl/status/statusor.h"
#include "datasets/dataset.pb.h"
#include "datasets/readers/texts_by_label.h"

namespace metaprompt {

// Empty lines are skipped; any other line that is not one label, one tab and one text is damaged.
absl::StatusOr<Imported> LoadTsv(const TsvSource& source, const ImportOptions& options);

}  // namespace metaprompt

#endif  // DATASETS_READERS_TSV_H_
