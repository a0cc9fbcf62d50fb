// The lines of a text file, with errors that say where.
#ifndef DATASETS_READERS_LINES_H_
#define DATASETS_READERS_LINES_H_

#include <cstdint>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "datasets/readers/bad_lines.h"

namespace metaprompt {

// Goes through UTF-8 text line by line without copying it:
//
//   Lines lines(text, path);
//   while (lines.Next()) {
//     if (lines.line() is wrong) return lines.Error("what is wrong");
//   }
//   if (!lines.status().ok()) return lines.status();
//
// Lines end with LF or CR LF, the last one perhaps with neither. A byte-order mark at the start is skipped.
class Lines {
 public:
  // Both must outlive this object; `name` is what errors call the text, mostly the file's path.
  Lines(absl::string_view text, absl::string_view name) : Lines(text, name, nullptr) {}

  // With `bad`, lines that are not valid UTF-8 are added to it and passed over.
  Lines(absl::string_view text, absl::string_view name, BadLines* bad);

  // Moves to the next line. False at the end, and, without `bad`, at a line that is not valid UTF-8: then status() is
  // not OK.
  bool Next();

  absl::string_view line() const { return line_; }  // without its end
  int64_t number() const { return number_; }        // from 1
  const absl::Status& status() const { return status_; }

  // `name:LINE: what`, for the current line.
  absl::Status Error(absl::string_view what) const { return ErrorAt(number_, what); }
  // The same for another line.
  absl::Status ErrorAt(int64_t number, absl::string_view what) const;

 private:
  absl::string_view rest_;
  absl::string_view name_;
  absl::string_view line_;
  BadLines* bad_;
  int64_t number_ = 0;
  absl::Status status_;
};

}  // namespace metaprompt

#endif  // DATASETS_READERS_LINES_H_
