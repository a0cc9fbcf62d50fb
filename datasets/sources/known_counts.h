// How many classes and texts the public distributions have.
#ifndef DATASETS_SOURCES_KNOWN_COUNTS_H_
#define DATASETS_SOURCES_KNOWN_COUNTS_H_

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace metaprompt {

// Which public distribution of a source (its field in DatasetSpec) has that many labels and records. Empty for a source
// of which none is known. If it is none of those that are, the error says what they have.
absl::StatusOr<std::string> KnownDistribution(absl::string_view source, int64_t labels, int64_t records);

}  // namespace metaprompt

#endif  // DATASETS_SOURCES_KNOWN_COUNTS_H_
