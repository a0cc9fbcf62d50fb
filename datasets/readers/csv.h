// Files of values in columns, separated by commas (RFC 4180), semicolons, tabs or |.
#ifndef DATASETS_READERS_CSV_H_
#define DATASETS_READERS_CSV_H_

#include "absl/status/statusor.h"
#include "datasets/dataset.pb.h"
#include "datasets/readers/texts_by_label.h"

namespace metaprompt {

// A field may be in quotes; then it may contain delimiters, line ends, and doubled quotes. Every record has as many
// fields as the first one. The error for a damaged record gives the line where the record begins. If a record is not
// UTF-8 or its quotes are wrong, its lines after the first are read again as other records.
absl::StatusOr<Imported> LoadCsv(const CsvSource& source, const ImportOptions& options);

}  // namespace metaprompt

#endif  // DATASETS_READERS_CSV_H_
