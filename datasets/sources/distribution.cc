#include "datasets/sources/distribution.h"

#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace metaprompt {

absl::StatusOr<std::string> DistributionWith(absl::Span<const Distribution> known, int64_t labels, int64_t records) {
  std::vector<std::string> counts;
  for (const Distribution& one : known) {
    if (records == one.records && (one.labels == 0 || labels == one.labels)) {
      return one.name;
    }
    counts.push_back(absl::StrCat(one.records, one.labels == 0 ? "" : absl::StrCat(" in ", one.labels, " classes"),
                                  " (", one.name, ")"));
  }
  if (counts.empty()) {
    return "";
  }
  return absl::InvalidArgumentError(
      absl::StrCat(records, " texts in ", labels, " classes; the public files have ", absl::StrJoin(counts, ", "),
                   ". Is the file cut short, or another version? dataset.allow_other_counts: true accepts it"));
}

}  // namespace metaprompt
