// The numbers of classes and texts in the public files of a data set.
#ifndef DATASETS_SOURCES_DISTRIBUTION_H_
#define DATASETS_SOURCES_DISTRIBUTION_H_

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "absl/types/span.h"

namespace metaprompt {

// One form in which a data set is published.
struct Distribution {
  const char* name;
  int64_t labels;   // 0: not checked
  int64_t records;  // texts, and everything else that Imported::records counts
};

// The name of the distribution with these numbers of labels and records. Empty if `known` is empty. If no distribution
// matches, the error lists the numbers of all of them.
absl::StatusOr<std::string> DistributionWith(absl::Span<const Distribution> known, int64_t labels, int64_t records);

}  // namespace metaprompt

#endif  // DATASETS_SOURCES_DISTRIBUTION_H_
