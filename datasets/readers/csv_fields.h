// The fields of one record of separated values (RFC 4180).
#ifndef DATASETS_READERS_CSV_FIELDS_H_
#define DATASETS_READERS_CSV_FIELDS_H_

#include <cstddef>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"

namespace metaprompt {

// Joins lines into a record: a line that ends inside quotes continues on the next line.
class RecordLines {
 public:
  // Adds a line, without its end. Returns whether the record is complete, which means that its number of quotes is
  // even.
  bool Add(absl::string_view line);

  // Whether the record is longer than 1 MiB. Then a quote is missing, and no further line should be added.
  bool TooLong() const { return record_.size() > kLongest; }

  // Returns the record, with LF between its lines. The next Add begins a new one.
  std::string Take();

 private:
  static constexpr size_t kLongest = size_t{1} << 20U;

  std::string record_;
  bool begun_ = false;
  size_t quotes_ = 0;
};

// Splits a record at its delimiters. A field in quotes may contain delimiters, line ends, and doubled quotes. The
// record must be complete: its number of quotes is even. Errors give a reason, without file and line.
absl::StatusOr<std::vector<std::string>> SplitRecord(absl::string_view record, char delimiter);

// The records of the lines, if all have the same number of fields, two or more. A record may span several lines; a
// record that is cut off at the end of the sample is left out.
std::vector<std::vector<std::string>> EqualRecords(absl::Span<const std::string> lines, char delimiter);

}  // namespace metaprompt

#endif  // DATASETS_READERS_CSV_FIELDS_H_
