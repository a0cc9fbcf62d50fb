// The fields of one record of separated values (RFC 4180).
#ifndef DATASETS_READERS_CSV_FIELDS_H_
#define DATASETS_READERS_CSV_FIELDS_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace metaprompt {

// Splits a record at its delimiters. A field in quotes may hold delimiters, line ends, and quotes written twice. The
// record is complete: it has an even number of quotes. Errors are reasons without a file and a line.
absl::StatusOr<std::vector<std::string>> SplitRecord(absl::string_view record, char delimiter);

}  // namespace metaprompt

#endif  // DATASETS_READERS_CSV_FIELDS_H_
