// The lines of a file, plain or compressed, however long the file is.
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

// Goes through a file line by line; in memory is one line and a block. Lines end as those of Lines do; a byte-order
// mark at the start is skipped. Whether a line is UTF-8 is not looked at.
class FileLines {
 public:
  static absl::StatusOr<FileLines> Open(const std::string& path);

  // Moves to the next line; false at the end. A file that cannot be read further, or a line of more than 16 MiB, is an
  // error.
  absl::StatusOr<bool> Next();

  absl::string_view line() const { return line_; }  // without its end; valid until Next
  int64_t number() const { return number_; }        // from 1

 private:
  FileLines(std::string path, PackedFile file) : path_(std::move(path)), file_(std::move(file)) {}

  std::string path_;
  PackedFile file_;
  std::string buffer_;
  size_t begin_ = 0;  // of what is not yet a line
  bool at_end_ = false;
  absl::string_view line_;
  int64_t number_ = 0;
};

// Calls `take` with every line that is not empty. The line is damaged if it is not UTF-8, or if `take` says so: its
// message is the reason. The status is about the file.
absl::Status ForEachLine(const std::string& path, BadLines* bad,
                         absl::FunctionRef<absl::Status(absl::string_view line)> take);

}  // namespace metaprompt

#endif  // DATASETS_READERS_FILE_LINES_H_
