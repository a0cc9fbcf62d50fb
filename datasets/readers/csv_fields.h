// The fields of one record of separated values (RFC 4180).
#ifndef DATASETS_READERS_CSV_FIELDS_H_
#define DATASETS_READERS_CSV_FIELDS_H_

#include <cstddef>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace metaprompt {

// A record that is put together from its lines: one that ends inside quotes goes on.
class RecordLines {
 public:
  // Adds a line, without its end. Whether the record is complete: it has an even number of quotes.
  bool Add(absl::string_view line);

  // Whether it is so long (1 MiB) that a quote is missing: no further line belongs to it.
  bool TooLong() const { return record_.size() > kLongest; }

  // The record, with LF between its lines. What is added next begins a new one.
  std::string Take();

 private:
  static constexpr size_t kLongest = size_t{1} << 20U;

  std::string record_;
  bool begun_ = false;
  size_t quotes_ = 0;
};

// Splits a record at its delimiters. A field in quotes may hold delimiters, line ends, and quotes written twice. The
// record is complete: it has an even number of quotes. Errors are reasons without a file and a line.
absl::StatusOr<std::vector<std::string>> SplitRecord(absl::string_view record, char delimiter);

}  // namespace metaprompt

#endif  // DATASETS_READERS_CSV_FIELDS_H_
