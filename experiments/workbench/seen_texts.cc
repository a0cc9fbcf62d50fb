#include "experiments/workbench/seen_texts.h"

#include <algorithm>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_split.h"
#include "metaprompt/base/files.h"
#include "metaprompt/base/hash.h"
#include "metaprompt/base/status_macros.h"

namespace metaprompt {
namespace {

constexpr size_t kDigits = 16;

uint64_t HashOf(absl::string_view text) { return std::stoull(Sha256(text).substr(0, kDigits), nullptr, 16); }

}  // namespace

absl::StatusOr<SeenTexts> SeenTexts::Read(const std::string& folder) {
  SeenTexts seen;
  const std::string path = absl::StrCat(folder, "/", kSeenTextsFile);
  const absl::StatusOr<std::string> bytes = ReadFile(path);
  if (absl::IsNotFound(bytes.status())) {
    return seen;
  }
  RETURN_IF_ERROR(bytes);
  size_t number = 0;
  for (const absl::string_view line : absl::StrSplit(*bytes, '\n', absl::SkipEmpty())) {
    ++number;
    uint64_t hash = 0;
    if (line.size() != kDigits || !absl::SimpleHexAtoi(line, &hash)) {
      return absl::InvalidArgumentError(absl::StrCat(path, ":", number, ": not a hash of 16 hexadecimal digits"));
    }
    seen.hashes_.push_back(hash);
  }
  seen.Sort();
  return seen;
}

void SeenTexts::Add(absl::string_view text) { hashes_.push_back(HashOf(text)); }

void SeenTexts::Add(const SeenTexts& other) {
  hashes_.insert(hashes_.end(), other.hashes_.begin(), other.hashes_.end());
}

void SeenTexts::Sort() {
  std::sort(hashes_.begin(), hashes_.end());
  hashes_.erase(std::unique(hashes_.begin(), hashes_.end()), hashes_.end());
}

bool SeenTexts::Has(absl::string_view text) const {
  return !hashes_.empty() && std::binary_search(hashes_.begin(), hashes_.end(), HashOf(text));
}

std::string SeenTexts::Text() const {
  std::string text;
  for (const uint64_t hash : hashes_) {
    absl::StrAppendFormat(&text, "%016x\n", hash);
  }
  return text;
}

}  // namespace metaprompt
