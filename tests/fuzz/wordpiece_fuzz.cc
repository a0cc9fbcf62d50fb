// Fuzzes the files of a WordPiece tokenizer, and texts.
#include "tests/fuzz/tokenizer_fuzz.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const auto* const sound =
      new metaprompt::TokenizerFiles{{"config.json", R"({"model_type": "bert"})"},
                                     {"vocab.txt",
                                      "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\na\nb\nab\n##a\n##b\n##ab\n.\n,\n'\n[\n]"
                                      "\nmask\n##\xCC\x81\n\xE6\xBC\xA2\n"}};
  metaprompt::CheckInput({"config.json", "tokenizer_config.json", "special_tokens_map.json", "added_tokens.json",
                          "vocab.txt", "tokenizer.json"},
                         *sound, absl::string_view(reinterpret_cast<const char*>(data), size));
  return 0;
}
