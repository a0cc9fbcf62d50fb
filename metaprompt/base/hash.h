// Hashes of bytes.
#ifndef METAPROMPT_BASE_HASH_H_
#define METAPROMPT_BASE_HASH_H_

#include <string>

#include "absl/strings/string_view.h"

namespace metaprompt {

// SHA-256 as 64 hexadecimal digits.
std::string Sha256(absl::string_view bytes);

}  // namespace metaprompt

#endif  // METAPROMPT_BASE_HASH_H_
