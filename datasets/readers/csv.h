// Files of values in columns, separated by commas (RFC 4180), semicolons, tabs or |.
#ifndef DATASETS_READERS_CSV_H_
#define DATASETS_READERS_CSV_H_

#include "absl/status/statusor.h"
#include "datasets/dataset.pb.h"
#include "datasets/readers/texts_by_label.h"

namespace metaprompt {

// A field may be in quotes; then it may hold delimiters, line ends, and quotes written twice. Every record has as many
// fields as the first one. The error of a damaged record gives the line where it begins, and reading goes on with the
// next line.
absl::StatusOr<Imported> LoadCsv(const CsvSource& source, const ImportOptions& options);

}  // namespace metaprompt

#endif  // DATASETS_READERS_CSV_H_
