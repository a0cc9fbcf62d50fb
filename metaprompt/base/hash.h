// Hashes of bytes.
#ifndef METAPROMPT_BASE_HASH_H_
#define METAPROMPT_BASE_HASH_H_

#include <memory>
#include <string>

#include "absl/strings/string_view.h"

namespace metaprompt {

// SHA-256 as 64 hexadecimal digits.
std::string Sha256(absl::string_view bytes);

// The same hash of bytes that arrive in pieces.
class Sha256Stream {
 public:
  Sha256Stream();
  Sha256Stream(const Sha256Stream&) = delete;
  Sha256Stream& operator=(const Sha256Stream&) = delete;
  void Add(absl::string_view piece);
  // The hash of all pieces. Nothing may be added afterwards.
  std::string Finish();

 private:
  std::shared_ptr<void> context_;  // OpenSSL's
};

}  // namespace metaprompt

#endif  // METAPROMPT_BASE_HASH_H_
