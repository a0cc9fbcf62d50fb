// A file of one's own: comma-separated values (RFC 4180).
#ifndef DATASETS_READERS_CSV_H_
#define DATASETS_READERS_CSV_H_

#include "absl/status/statusor.h"
#include "datasets/dataset.pb.h"
#include "datasets/readers/texts_by_label.h"

namespace metaprompt {

// A field may stand in quotes; then it may hold commas, line ends, and quotes written twice. Every record has as many
// fields as the first. A damaged record is named by its first line, and reading goes on at the next one.
absl::StatusOr<Imported> LoadCsv(const CsvSource& source, const ImportOptions& options);

}  // namespace metaprompt

#endif  // DATASETS_READERS_CSV_H_
