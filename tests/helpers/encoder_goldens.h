// The checkpoints of tests/goldens/encoders. A new folder there is tested without any other change.
#ifndef TESTS_HELPERS_ENCODER_GOLDENS_H_
#define TESTS_HELPERS_ENCODER_GOLDENS_H_

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "metaprompt/base/files.h"
#include "metaprompt/prompts/framing.h"
#include "metaprompt/tokenizers/tokenizer.h"

namespace metaprompt {

constexpr char kEncoderGoldens[] = "tests/goldens/encoders/";

// "bert", "roberta", ...: the names of the folders.
inline std::vector<std::string> EncoderGoldens() {
  std::vector<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(kEncoderGoldens)) {
    if (entry.is_directory()) {
      names.push_back(entry.path().filename().string());
    }
  }
  std::sort(names.begin(), names.end());
  return names;
}

// Whether the checkpoint is a causal model.
inline bool IsCausal(const std::string& name) {
  const std::string config = *ReadFile(absl::StrCat(kEncoderGoldens, name, "/config.json"));
  return absl::StrContains(config, "LMHeadModel") || absl::StrContains(config, "ForCausalLM");
}

// Whether the checkpoint is an encoder-decoder.
inline bool HasDecoder(const std::string& name) {
  return absl::StrContains(*ReadFile(absl::StrCat(kEncoderGoldens, name, "/config.json")), "ForConditionalGeneration");
}

// The names of the causal models.
inline std::vector<std::string> CausalGoldens() {
  std::vector<std::string> names = EncoderGoldens();
  names.erase(std::remove_if(names.begin(), names.end(), [](const std::string& name) { return !IsCausal(name); }),
              names.end());
  return names;
}

// The names of the other models.
inline std::vector<std::string> MaskedGoldens() {
  std::vector<std::string> names = EncoderGoldens();
  names.erase(std::remove_if(names.begin(), names.end(), IsCausal), names.end());
  return names;
}

// Whether the checkpoint was saved with its head.
inline bool SavedWithHead(const std::string& name) {
  return IsCausal(name) || HasDecoder(name) ||
         absl::StrContains(*ReadFile(absl::StrCat(kEncoderGoldens, name, "/config.json")), "ForMaskedLM");
}

// A line of lines.txt as the tokens of the goldens. For a causal model, words replace {mask} and {pad}.
inline std::vector<int64_t> LineIds(const Tokenizer& tokenizer, const std::string& line) {
  const SpecialIds special = tokenizer.special();
  const auto piece = [&](int64_t id, const char* word) { return special.mask < 0 ? word : tokenizer.Piece(id); };
  std::vector<int64_t> ids = tokenizer.EncodeWithSpecial(
      absl::StrReplaceAll(line, {{"{mask}", piece(special.mask, "cat")}, {"{pad}", piece(special.pad, "dog")}}));
  const Framing framing = FramingOf(tokenizer);
  ids.insert(ids.begin(), framing.before.begin(), framing.before.end());
  ids.insert(ids.end(), framing.after.begin(), framing.after.end());
  return ids;
}

// The name in the form that gtest needs: bert_no_head, t5_v1_1.
inline std::string GoldenTestName(const testing::TestParamInfo<std::string>& info) {
  return absl::StrReplaceAll(info.param, {{"-", "_"}, {".", "_"}});
}

}  // namespace metaprompt

#endif  // TESTS_HELPERS_ENCODER_GOLDENS_H_
