// The texts that an encoder was trained on, as a folder of it remembers them: a few-shot run must not be tested on
// classes whose texts its encoder has seen.
#ifndef EXPERIMENTS_WORKBENCH_SEEN_TEXTS_H_
#define EXPERIMENTS_WORKBENCH_SEEN_TEXTS_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace metaprompt {

// The file in the folder of an encoder that was trained on texts: a line of 16 hexadecimal digits per text, a hash of
// it, in rising order.
inline constexpr char kSeenTextsFile[] = "seen_texts.txt";

class SeenTexts {
 public:
  // No texts.
  SeenTexts() = default;
  // Those of the folder's file; none if it has no such file. The error names the file and the line.
  static absl::StatusOr<SeenTexts> Read(const std::string& folder);

  void Add(absl::string_view text);
  void Add(const SeenTexts& other);
  // After this, Has and Text can be called.
  void Sort();

  bool empty() const { return hashes_.empty(); }
  // Whether the text was seen. Of other texts, about one in 2^64 / texts seen is taken for one of them.
  bool Has(absl::string_view text) const;
  // The bytes of the file.
  std::string Text() const;

 private:
  std::vector<uint64_t> hashes_;
};

}  // namespace metaprompt

#endif  // EXPERIMENTS_WORKBENCH_SEEN_TEXTS_H_
