// The lines of a text in memory, or of a stream, with errors that name the line.
#ifndef DATASETS_READERS_LINES_H_
#define DATASETS_READERS_LINES_H_

#include <cstdint>
#include <istream>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "datasets/readers/bad_lines.h"

namespace metaprompt {

// Reads UTF-8 text line by line without copying it:
//
//   Lines lines(text, path);
//   while (lines.Next()) {
//     if (lines.line() is wrong) return lines.Error("what is wrong");
//   }
//   RETURN_IF_ERROR(lines.status());
//
// Lines end with LF or CR LF; the last one may have no end. A byte-order mark at the start is skipped.
class Lines {
 public:
  // Both arguments must outlive this object. `name` is the name of the text in errors, usually the path of its file.
  Lines(absl::string_view text, absl::string_view name) : Lines(text, name, nullptr) {}

  // Adds lines that are not valid UTF-8 to `bad` and skips them, unless `bad` is null.
  Lines(absl::string_view text, absl::string_view name, BadLines* bad);

  // Moves to the next line; false at the end. Without `bad`, it also returns false at a line that is not valid UTF-8,
  // and status() is the error.
  bool Next();

  absl::string_view line() const { return line_; }  // without its end
  int64_t number() const { return number_; }        // from 1
  const absl::Status& status() const { return status_; }

  // `name:LINE: what`, for the current line.
  absl::Status Error(absl::string_view what) const { return ErrorAt(number_, what); }
  // The same for the line with that number.
  absl::Status ErrorAt(int64_t number, absl::string_view what) const;

 private:
  absl::string_view rest_;
  absl::string_view name_;
  absl::string_view line_;
  BadLines* bad_;
  int64_t number_ = 0;
  absl::Status status_;
};

// Reads the next line of a stream, whose name in errors is `name`, without its LF; false at the end. If it is the
// first, a byte-order mark is removed. Whether the line is UTF-8 is not checked. The error: the stream cannot be read.
absl::StatusOr<bool> ReadStreamLine(std::istream* in, absl::string_view name, bool first, std::string* line);

}  // namespace metaprompt

#endif  // DATASETS_READERS_LINES_H_
