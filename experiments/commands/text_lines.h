// The lines of a text file that a command reads as texts.
#ifndef EXPERIMENTS_COMMANDS_TEXT_LINES_H_
#define EXPERIMENTS_COMMANDS_TEXT_LINES_H_

#include <cstdint>
#include <istream>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace metaprompt {

class TextLines {
 public:
  // `name` is the stream's name in errors. `in` must outlive the object.
  TextLines(std::istream* in, std::string name) : in_(in), name_(std::move(name)) {}

  // Reads the next line, without its LF; false at the end. A byte-order mark at the start is skipped. Errors: a line
  // that is not UTF-8, with its LikelyCause if it is the first; UTF-16; the stream cannot be read.
  absl::StatusOr<bool> Next(std::string* line);

  // `NAME:LINE: what`, for the line that was read last.
  absl::Status Error(absl::string_view what) const;

 private:
  std::istream* in_;
  std::string name_;
  int64_t number_ = 0;  // of the line that was read last, from 1
};

}  // namespace metaprompt

#endif  // EXPERIMENTS_COMMANDS_TEXT_LINES_H_
