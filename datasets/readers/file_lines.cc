#include "datasets/readers/file_lines.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "metaprompt/base/text.h"

namespace metaprompt {
namespace {

constexpr size_t kLongestLine = size_t{16} << 20U;

}  // namespace

absl::StatusOr<FileLines> FileLines::Open(const std::string& path) {
  absl::StatusOr<PackedFile> file = PackedFile::Open(path);
  if (!file.ok()) {
    return file.status();
  }
  return FileLines(path, *std::move(file));
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
    const absl::StatusOr<bool> more = file_.Read(&buffer_);
    if (!more.ok()) {
      return more.status();
    }
    at_end_ = !*more;
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
  absl::StatusOr<FileLines> lines = FileLines::Open(path);
  if (!lines.ok()) {
    return lines.status();
  }
  for (;;) {
    const absl::StatusOr<bool> more = lines->Next();
    if (!more.ok() || !*more) {
      return more.status();
    }
    if (lines->line().empty()) {
      continue;
    }
    absl::Status status = CheckUtf8(lines->line());
    if (status.ok()) {
      status = take(lines->line());
    }
    if (!status.ok()) {
      bad->Add(path, lines->number(), status.message());
    }
  }
}

}  // namespace metaprompt
