// The damaged lines of a source: their number, and the places of the first ones.
#ifndef DATASETS_READERS_BAD_LINES_H_
#define DATASETS_READERS_BAD_LINES_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace metaprompt {

class BadLines {
 public:
  void Add(absl::string_view file, int64_t line, absl::string_view reason);

  int64_t count() const { return count_; }

  // OK if there are none. Otherwise one `file:line: reason` line for each of the first ten, and their number. If these
  // are the first lines of the file and have the same reason, the file is probably of another format, and only the
  // first is listed.
  absl::Status status() const;

 private:
  int64_t count_ = 0;
  std::vector<std::string> first_;
  std::string reason_;     // of the first
  bool all_alike_ = true;  // whether first_ are the lines 1, 2, 3 ... and have the same reason
};

}  // namespace metaprompt

#endif  // DATASETS_READERS_BAD_LINES_H_
