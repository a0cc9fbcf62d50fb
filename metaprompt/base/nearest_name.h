// The name that a user probably meant.
#ifndef METAPROMPT_BASE_NEAREST_NAME_H_
#define METAPROMPT_BASE_NEAREST_NAME_H_

#include <string>
#include <vector>

#include "absl/strings/string_view.h"

namespace metaprompt {

// The one of `known` that differs least from `word`, in upper or lower case, or else the first that begins with `word`.
// Names differ by the letters that are inserted, removed or replaced (Levenshtein 1966): by one letter at most, or by a
// quarter of the letters of `word` if that is more. Empty: no name is that near.
std::string NearestName(absl::string_view word, const std::vector<std::string>& known);

}  // namespace metaprompt

#endif  // METAPROMPT_BASE_NEAREST_NAME_H_
