// Hashes of the texts that an encoder was trained on, which its folder keeps, because a few-shot run must not be tested
// on classes whose texts its encoder has seen.
#ifndef EXPERIMENTS_WORKBENCH_SEEN_TEXTS_H_
#define EXPERIMENTS_WORKBENCH_SEEN_TEXTS_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace metaprompt {

// The file in the folder of an encoder that was trained on texts: one line per text, in ascending order: the first 16
// hexadecimal digits of its SHA-256.
inline constexpr char kSeenTextsFile[] = "seen_texts.txt";

class SeenTexts {
 public:
  // No texts.
  SeenTexts() = default;
  // The texts of the folder's file; none if it has no such file. The error names the file and the line.
  static absl::StatusOr<SeenTexts> Read(const std::string& folder);

  void Add(absl::string_view text);
  void Add(const SeenTexts& other);
  // Call this after the last Add, before Has and Text.
  void Sort();

  bool empty() const { return hashes_.empty(); }
  // Whether the text was seen. It is wrongly true for about one in 2^64 / N other texts, where N is the number of texts
  // seen.
  bool Has(absl::string_view text) const;
  // The bytes of the file.
  std::string Text() const;

 private:
  std::vector<uint64_t> hashes_;
};

}  // namespace metaprompt

#endif  // EXPERIMENTS_WORKBENCH_SEEN_TEXTS_H_
