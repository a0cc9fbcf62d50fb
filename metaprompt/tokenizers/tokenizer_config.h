// The tokens that a checkpoint adds to its tokenizer's pieces, from the several files that may name them.
#ifndef METAPROMPT_TOKENIZERS_TOKENIZER_CONFIG_H_
#define METAPROMPT_TOKENIZERS_TOKENIZER_CONFIG_H_

#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "metaprompt/tokenizers/tokenizer_parts.h"

namespace metaprompt {

// The JSON files of a folder that say how its tokenizer is set up; null where there is none. `name` begins errors.
struct TokenizerJson {
  static absl::StatusOr<TokenizerJson> Parse(const TokenizerFiles& files, absl::string_view name);
  // A setting of tokenizer_config.json, or `otherwise` where it is absent or null.
  absl::StatusOr<bool> Flag(const char* key, bool otherwise) const;

  std::string name;
  std::map<std::string, nlohmann::json> files;  // by file name
  const nlohmann::json& Get(const char* file) const;
};

// The names of special tokens of an architecture, where no file says otherwise; empty: none.
struct SpecialNames {
  const char* bos;
  const char* eos;
  const char* unk;
  const char* sep;
  const char* pad;
  const char* cls;
  const char* mask;
  bool mask_takes_space;  // before it
};

// Completes `parts`, whose pieces are the model's: added pieces, added tokens and special ids. The files win over one
// another as `transformers` 4.40 has it: added_tokens_decoder of tokenizer_config.json; without it
// special_tokens_map.json, added_tokens.json and tokenizer.json. Where `transformers` would make up an id for a token
// that nothing knows, a padding token (or bos, or eos) is left out, and any other is an error.
absl::Status AddTokens(const TokenizerJson& json, const SpecialNames& names, TokenizerParts* parts);

}  // namespace metaprompt

#endif  // METAPROMPT_TOKENIZERS_TOKENIZER_CONFIG_H_
