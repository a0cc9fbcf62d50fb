// Fuzzes the files of a byte-level BPE tokenizer, and texts.
#include "tests/fuzz/tokenizer_fuzz.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  // U+0120 stands for a space; U+00C3 U+00A9 stand for the bytes of an e with an acute accent.
  static const auto* const sound = new metaprompt::TokenizerFiles{
      {"config.json", R"({"model_type": "roberta"})"},
      {"vocab.json",
       "{\"<s>\": 0, \"<pad>\": 1, \"</s>\": 2, \"<unk>\": 3, \"<mask>\": 4, \"a\": 5, \"b\": 6, \"\u0120\": 7, "
       "\"ab\": 8, \"\u0120ab\": 9, \"aa\": 10, \"aab\": 11, \"\u00C3\": 12, \"\u00A9\": 13, \"\u00C3\u00A9\": 14, "
       "\"'\": 15, \"s\": 16, \"<\": 17, \">\": 18, \"'s\": 19, \"1\": 20}"},
      {"merges.txt", "#version: 0.2\na b\n\u0120 ab\na a\na ab\n\u00C3 \u00A9\n' s\naa b\n"}};
  metaprompt::CheckInput({"config.json", "tokenizer_config.json", "special_tokens_map.json", "added_tokens.json",
                          "vocab.json", "merges.txt", "tokenizer.json"},
                         *sound, absl::string_view(reinterpret_cast<const char*>(data), size));
  return 0;
}
