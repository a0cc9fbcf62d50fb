// A sentencepiece tokenizer of 150 pieces, trained on made-up texts.
#ifndef TESTS_HELPERS_TRAINED_TOKENIZER_H_
#define TESTS_HELPERS_TRAINED_TOKENIZER_H_

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "metaprompt/base/random.h"
#include "metaprompt/tokenizers/tokenizer.h"

namespace metaprompt {

inline std::string TrainingText(int i) {
  static const char* const words[] = {"library", "terminal", "editor", "music",  "game", "network",
                                      "fonts",   "science",  "python", "images", "mail", "desktop",
                                      "clock",   "kernel",   "video",  "debug"};
  Random random(SubSeed(1, "text", static_cast<uint64_t>(i)));
  std::string text;
  for (int k = 0; k < 6; ++k) {
    absl::StrAppend(&text, k == 0 ? "" : " ", words[random.Below(16)]);
  }
  return absl::StrCat(text, " . : ", i % 10);
}

inline const std::string& TrainedBytes() {
  static const auto* const bytes = [] {
    std::vector<std::string> texts;
    for (int i = 0; i < 300; ++i) {
      texts.push_back(TrainingText(i));
    }
    absl::StatusOr<std::string> trained = TrainSentencePiece(texts, 150);
    EXPECT_TRUE(trained.ok()) << trained.status();
    absl::StatusOr<std::string> again = TrainSentencePiece(texts, 150);
    EXPECT_TRUE(again.ok() && *again == *trained) << "two trainings differ";
    return new std::string(*trained);
  }();
  return *bytes;
}

inline const Tokenizer& Trained() {
  static const auto* const tokenizer =
      new std::unique_ptr<Tokenizer>(*LoadSentencePiece(TrainedBytes(), "tokenizer.model"));
  return **tokenizer;
}

// The pieces of the ids. Soft vector s, -1 - s, is written <s>.
inline std::string Pieces(const Tokenizer& tokenizer, const std::vector<int64_t>& ids) {
  return absl::StrJoin(ids, " ", [&](std::string* out, int64_t id) {
    absl::StrAppend(out, id < 0 ? absl::StrCat("<", -1 - id, ">") : tokenizer.Piece(id));
  });
}

}  // namespace metaprompt

#endif  // TESTS_HELPERS_TRAINED_TOKENIZER_H_
