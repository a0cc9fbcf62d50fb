#include "datasets/readers/file_lines.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "metaprompt/base/status_macros.h"
#include "metaprompt/base/text.h"

namespace metaprompt {
namespace {

constexpr size_t kLongestLine = size_t{16} << 20U;

}  // namespace

absl::StatusOr<FileLines> FileLines::Open(const std::string& path) {
  ASSIGN_OR_RETURN(PackedFile file, PackedFile::Open(path));
  return FileLines(path, std::move(file));
}

absl::StatusOr<bool> FileLines::Next() {
  size_t searched = begin_;
  size_t end = buffer_.find('\n', searched);
  while (end == std::string::npos && !at_end_) {
    buffer_.erase(0, begin_);
    begin_ = 0;
    searched = buffer_.size();
    if (searched > kLongestLine) {
      return absl::InvalidArgumentError(
          absl::StrCat(path_, ":", number_ + 1, ": a line of more than ", kLongestLine, " bytes"));
    }
    ASSIGN_OR_RETURN(const bool more, file_.Read(&buffer_));
    at_end_ = !more;
    end = buffer_.find('\n', searched);
  }
  if (begin_ == buffer_.size()) {
    return false;
  }
  end = std::min(end, buffer_.size());
  line_ = absl::string_view(buffer_).substr(begin_, end - begin_);
  begin_ = std::min(end + 1, buffer_.size());
  absl::ConsumeSuffix(&line_, "\r");
  if (++number_ == 1) {
    absl::ConsumePrefix(&line_, "\xef\xbb\xbf");
  }
  return true;
}

absl::Status ForEachLine(const std::string& path, BadLines* bad,
                         absl::FunctionRef<absl::Status(absl::string_view line)> take) {
  ASSIGN_OR_RETURN(FileLines lines, FileLines::Open(path));
  for (;;) {
    ASSIGN_OR_RETURN(const bool more, lines.Next());
    if (!more) {
      return absl::OkStatus();
    }
    if (lines.line().empty()) {
      continue;
    }
    absl::Status damage = CheckUtf8(lines.line());
    if (damage.ok()) {
      damage = take(lines.line());
    }
    if (!damage.ok()) {
      bad->Add(path, lines.number(), damage.message());
    }
  }
}

}  // namespace metaprompt
