#include "datasets/readers/bad_lines.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace metaprompt {
namespace {

constexpr size_t kMostNamed = 10;

}  // namespace

void BadLines::Add(absl::string_view file, int64_t line, absl::string_view reason) {
  ++count_;
  if (first_.size() < kMostNamed) {
    reason_ = count_ == 1 ? std::string(reason) : reason_;
    all_alike_ = all_alike_ && line == count_ && reason == reason_;
    first_.push_back(absl::StrCat(file, ":", line, ": ", reason));
  }
}

absl::Status BadLines::status() const {
  if (count_ == 0) {
    return absl::OkStatus();
  }
  const int64_t more = count_ - static_cast<int64_t>(first_.size());
  const std::string named = all_alike_ && first_.size() > 2
                                ? absl::StrCat(first_[0], "; lines 2 to ", first_.size(), " have the same error")
                                : absl::StrJoin(first_, "\n");
  return absl::InvalidArgumentError(absl::StrCat(named, "\n", more > 0 ? absl::StrCat("and ", more, " more; ") : "",
                                                 count_, count_ == 1 ? " damaged line" : " damaged lines",
                                                 "; dataset.skip_bad_lines: true leaves ", count_ == 1 ? "it" : "them",
                                                 " out"));
}

}  // namespace metaprompt
