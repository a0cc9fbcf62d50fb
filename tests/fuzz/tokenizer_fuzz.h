// Shared by the fuzz targets for the tokenizers of checkpoint folders. The input is files, then texts, separated by
// bytes 0x1E. An empty part means that the file is missing. Any bytes must give a working tokenizer, or an error of one
// line and, if there is one, a second line with the likely cause.
#ifndef TESTS_FUZZ_TOKENIZER_FUZZ_H_
#define TESTS_FUZZ_TOKENIZER_FUZZ_H_

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"
#include "absl/strings/strip.h"
#include "metaprompt/base/likely_cause.h"
#include "metaprompt/tokenizers/files/tokenizer_folder.h"
#include "metaprompt/tokenizers/unicode.h"

namespace metaprompt {

inline void Require(bool holds, const char* what) {
  if (!holds) {
    std::fprintf(stderr, "broken: %s\n", what);
    std::abort();
  }
}

inline void CheckText(const Tokenizer& tokenizer, const std::string& text) {
  const SpecialIds special = tokenizer.special();
  const std::vector<int64_t> plain = tokenizer.Encode(text);
  const std::vector<int64_t> with_special = tokenizer.EncodeWithSpecial(text);
  for (const std::vector<int64_t>* ids : {&plain, &with_special}) {
    for (const int64_t id : *ids) {
      Require(id >= 0 && id < tokenizer.vocab_size(), "an id is none of the vocabulary");
    }
  }
  for (const int64_t id : plain) {
    // [UNK] may have a second role.
    Require((id != special.cls && id != special.sep && id != special.mask && id != special.pad) || id == special.unk,
            "text is a special token");
  }
  const Utf8Text valid(text);
  const std::string repaired(valid.view());
  Require(tokenizer.Encode(repaired) == plain && tokenizer.EncodeWithSpecial(repaired) == with_special,
          "invalid UTF-8 and its repaired form differ");
}

// `names` are the names of the input's files, in their order. The texts are also given to a tokenizer of the valid
// files `sound`.
inline void CheckInput(const std::vector<std::string>& names, const TokenizerFiles& sound, absl::string_view input) {
  static const auto* const always = new std::unique_ptr<Tokenizer>(MakeTokenizer(sound, "sound").value());
  const std::vector<std::string> parts = absl::StrSplit(input, '\x1E');
  TokenizerFiles files;
  for (size_t i = 0; i < names.size() && i < parts.size(); ++i) {
    if (!parts[i].empty()) {
      files[names[i]] = parts[i];
    }
  }
  files.insert({"config.json", sound.at("config.json")});
  const absl::StatusOr<std::unique_ptr<Tokenizer>> tokenizer = MakeTokenizer(files, "dir");
  if (!tokenizer.ok()) {
    absl::string_view error = tokenizer.status().message();
    for (const auto& [name, contents] : files) {
      const std::string cause = LikelyCause(contents);
      if (!cause.empty()) {
        Require(absl::ConsumeSuffix(&error, absl::StrCat("\ndir/", name, ": ", cause)),
                "the likely cause is not in the second line");
        break;
      }
    }
    Require(absl::StartsWith(error, "dir") && !absl::StrContains(error, "\n"),
            "an error is not one line that begins with the folder");
  }
  for (size_t i = names.size(); i < parts.size(); ++i) {
    CheckText(**always, parts[i]);
    if (tokenizer.ok()) {
      CheckText(**tokenizer, parts[i]);
    }
  }
}

}  // namespace metaprompt

#endif  // TESTS_FUZZ_TOKENIZER_FUZZ_H_
