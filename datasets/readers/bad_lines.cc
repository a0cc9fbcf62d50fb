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
    first_.push_back(absl::StrCat(file, ":", line, ": ", reason));
  }
}

absl::Status BadLines::status() const {
  if (count_ == 0) {
    return absl::OkStatus();
  }
  const int64_t more = count_ - static_cast<int64_t>(first_.size());
  return absl::InvalidArgumentError(
      absl::StrCat(absl::StrJoin(first_, "\n"), "\n", more > 0 ? absl::StrCat("and ", more, " more; ") : "", count_,
                   count_ == 1 ? " damaged line" : " damaged lines", "; dataset.skip_bad_lines: true leaves ",
                   count_ == 1 ? "it" : "them", " out"));
}

}  // namespace metaprompt
