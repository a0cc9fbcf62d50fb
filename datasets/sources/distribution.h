// How many classes and texts the public files of a data set have.
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
  int64_t records;  // texts, and what else Imported::records counts
};

// The name of the distribution that has that many labels and records. Empty if `known` is empty. If none of them has,
// the error lists the numbers of all.
absl::StatusOr<std::string> DistributionWith(absl::Span<const Distribution> known, int64_t labels, int64_t records);

}  // namespace metaprompt

#endif  // DATASETS_SOURCES_DISTRIBUTION_H_
