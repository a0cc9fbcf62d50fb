#include "metaprompt/base/hash.h"

#include <openssl/sha.h>

#include <array>

#include "absl/strings/escaping.h"

namespace metaprompt {

std::string Sha256(absl::string_view bytes) {
  std::array<unsigned char, SHA256_DIGEST_LENGTH> digest;
  SHA256(reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size(), digest.data());
  return absl::BytesToHexString(absl::string_view(reinterpret_cast<const char*>(digest.data()), digest.size()));
}

}  // namespace metaprompt
