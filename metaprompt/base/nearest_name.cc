#include "metaprompt/base/nearest_name.h"

#include <algorithm>
#include <cstddef>
#include <numeric>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"

namespace metaprompt {
namespace {

// The smallest number of bytes to insert, remove or replace that makes one of the other.
size_t Edits(const std::string& a, const std::string& b) {
  std::vector<size_t> row(b.size() + 1);  // row[j]: edits between the first i bytes of a and the first j of b
  std::iota(row.begin(), row.end(), 0);
  for (size_t i = 1; i <= a.size(); ++i) {
    size_t diagonal = row[0];
    row[0] = i;
    for (size_t j = 1; j <= b.size(); ++j) {
      const size_t replaced = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
      diagonal = row[j];
      row[j] = std::min({replaced, row[j] + 1, row[j - 1] + 1});
    }
  }
  return row.back();
}

}  // namespace

std::string NearestName(absl::string_view word, const std::vector<std::string>& known) {
  constexpr size_t kLongest = 100;  // no name is longer, and the table of edits stays small
  const std::string lower = absl::AsciiStrToLower(word.substr(0, kLongest));
  std::string nearest;
  size_t least = std::max<size_t>(1, word.size() / 4) + 1;
  for (const std::string& name : known) {
    if (const size_t edits = Edits(lower, absl::AsciiStrToLower(name)); edits < least) {
      least = edits;
      nearest = name;
    }
  }
  if (!nearest.empty() || word.empty()) {
    return nearest;
  }
  const auto longer = std::find_if(known.begin(), known.end(),
                                   [&](const std::string& name) { return absl::StartsWithIgnoreCase(name, word); });
  return longer == known.end() ? "" : *longer;
}

}  // namespace metaprompt
