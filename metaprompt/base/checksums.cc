#include "metaprompt/base/checksums.h"

#include <algorithm>
#include <cstddef>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"
#include "metaprompt/base/files.h"
#include "metaprompt/base/status_macros.h"

namespace metaprompt {
namespace {

constexpr size_t kDigits = 64;       // of a SHA-256
constexpr char kSeparator[] = "  ";  // between checksum and name

}  // namespace

absl::StatusOr<Checksums> Checksums::Read(const std::string& folder) {
  Checksums sums(folder);
  const std::string path = absl::StrCat(folder, "/", kChecksumFile);
  const absl::StatusOr<std::string> text = ReadFile(path);
  if (absl::IsNotFound(text.status())) {
    return sums;
  }
  RETURN_IF_ERROR(text);
  int number = 0;
  for (const absl::string_view line : absl::StrSplit(*text, '\n')) {
    ++number;
    if (line.empty()) {
      continue;
    }
    const absl::string_view sum = line.substr(0, kDigits);
    const absl::string_view name = line.substr(std::min(line.size(), kDigits + 2));
    const bool outside = absl::StartsWith(name, "/") || absl::StrContains(name, "..");
    if (outside || line.size() < kDigits + 3 || line.substr(kDigits, 2) != kSeparator ||
        !std::all_of(sum.begin(), sum.end(), absl::ascii_isxdigit)) {
      return absl::DataLossError(
          absl::StrCat(path, ":", number,
                       ": not a SHA-256, two blanks and a name in this folder; the file is damaged (without "
                       "it, the files here are used unchecked)"));
    }
    sums.sums_[std::string(name)].emplace_back(sum);
  }
  if (sums.sums_.empty()) {
    return absl::DataLossError(
        absl::StrCat(path, ": it lists no file; the file is damaged (without it, the files here are used unchecked)"));
  }
  return sums;
}

std::vector<std::string> Checksums::Names() const {
  std::vector<std::string> names;
  for (const auto& [name, sums] : sums_) {
    names.push_back(name);
  }
  return names;
}

absl::Status Checksums::Announce(const std::string& name, const std::string& sha256) {
  std::vector<std::string>& known = sums_[name];
  known.erase(std::remove(known.begin(), known.end(), sha256), known.end());
  known.push_back(sha256);
  return Save();
}

void Checksums::Settle(const std::string& name) {
  if (const auto found = sums_.find(name); found != sums_.end()) {
    found->second = {found->second.back()};
  }
}

absl::Status Checksums::Save() const {
  std::string text;
  for (const auto& [name, known] : sums_) {
    for (const std::string& sum : known) {
      absl::StrAppend(&text, sum, kSeparator, name, "\n");
    }
  }
  return WriteFileAtomically(absl::StrCat(folder_, "/", kChecksumFile), text);
}

absl::Status Checksums::Check(const std::string& name, const std::string& sha256) {
  const auto found = sums_.find(name);
  if (found == sums_.end()) {
    return absl::OkStatus();
  }
  if (std::find(found->second.begin(), found->second.end(), sha256) != found->second.end()) {
    found->second = {sha256};
    return absl::OkStatus();
  }
  std::string whose;
  for (const auto& [other, known] : sums_) {
    if (std::find(known.begin(), known.end(), sha256) != known.end()) {
      whose = absl::StrCat("; they are those of ", other);
    }
  }
  return absl::DataLossError(absl::StrCat(folder_, "/", name, ": not the bytes that were written: their SHA-256 is ",
                                          sha256.substr(0, 12), "..., in ", kChecksumFile, " it is ",
                                          found->second.back().substr(0, 12), "...", whose));
}

absl::Status Checksums::CheckListed(const std::string& name) const {
  if (sums_.empty() || Lists(name)) {
    return absl::OkStatus();
  }
  return absl::InvalidArgumentError(absl::StrCat(folder_, "/", name, ": not one of the files that were written, which ",
                                                 kChecksumFile, " lists; remove it"));
}

}  // namespace metaprompt
