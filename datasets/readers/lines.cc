#include "datasets/readers/lines.h"

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "metaprompt/base/text.h"

namespace metaprompt {
namespace {

constexpr char kByteOrderMark[] = "\xef\xbb\xbf";

}  // namespace

Lines::Lines(absl::string_view text, absl::string_view name, BadLines* bad) : rest_(text), name_(name), bad_(bad) {
  absl::ConsumePrefix(&rest_, kByteOrderMark);
}

bool Lines::Next() {
  while (!rest_.empty() && status_.ok()) {
    ++number_;
    const size_t end = std::min(rest_.find('\n'), rest_.size());
    line_ = rest_.substr(0, end);
    rest_.remove_prefix(std::min(end + 1, rest_.size()));
    absl::ConsumeSuffix(&line_, "\r");
    const absl::Status utf8 = CheckUtf8(line_);
    if (utf8.ok()) {
      return true;
    }
    if (bad_ == nullptr) {
      status_ = Error(utf8.message());
    } else {
      bad_->Add(name_, number_, utf8.message());
    }
  }
  return false;
}

absl::Status Lines::ErrorAt(int64_t number, absl::string_view what) const {
  return absl::InvalidArgumentError(absl::StrCat(name_, ":", number, ": ", what));
}

absl::StatusOr<bool> ReadStreamLine(std::istream* in, absl::string_view name, bool first, std::string* line) {
  errno = 0;
  if (!std::getline(*in, *line)) {
    return in->bad() ? absl::StatusOr<bool>(absl::UnavailableError(
                           absl::StrCat(name, ": ", errno == 0 ? "cannot be read" : std::strerror(errno))))
                     : false;
  }
  if (first && absl::StartsWith(*line, kByteOrderMark)) {
    line->erase(0, std::strlen(kByteOrderMark));
  }
  return true;
}

}  // namespace metaprompt
