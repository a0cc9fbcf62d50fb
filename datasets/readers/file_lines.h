// The lines of a file of any length, plain or compressed.
#ifndef DATASETS_READERS_FILE_LINES_H_
#define DATASETS_READERS_FILE_LINES_H_

#include <cstdint>
#include <string>
#include <utility>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "datasets/readers/bad_lines.h"
#include "datasets/readers/packed_file.h"

namespace metaprompt {

// Reads a file line by line. Memory: one line and a block of the file. Lines end with LF or CR LF; a byte-order mark at
// the start is skipped. Whether a line is UTF-8 is not checked.
class FileLines {
 public:
  static absl::StatusOr<FileLines> Open(const std::string& path);

  // Moves to the next line; false at the end. It is an error if the file cannot be read, or if a line exceeds 16 MiB.
  absl::StatusOr<bool> Next();

  absl::string_view line() const { return line_; }  // without its end; valid until the next call of Next
  int64_t number() const { return number_; }        // from 1

 private:
  FileLines(std::string path, PackedFile file) : path_(std::move(path)), file_(std::move(file)) {}

  std::string path_;
  PackedFile file_;
  std::string buffer_;
  size_t begin_ = 0;  // where the next line begins in the buffer
  bool at_end_ = false;
  absl::string_view line_;
  int64_t number_ = 0;
};

// Calls `take` with every line that is not empty. A line is damaged if it is not UTF-8 or if `take` returns an error,
// whose message is the reason; damaged lines are added to `bad`. The status returned is an error of the file.
absl::Status ForEachLine(const std::string& path, BadLines* bad,
                         absl::FunctionRef<absl::Status(absl::string_view line)> take);

}  // namespace metaprompt

#endif  // DATASETS_READERS_FILE_LINES_H_
