// Reads the tokens that a checkpoint adds to its tokenizer's pieces, from all files that may contain them.
#ifndef METAPROMPT_TOKENIZERS_FILES_TOKENIZER_CONFIG_H_
#define METAPROMPT_TOKENIZERS_FILES_TOKENIZER_CONFIG_H_

#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "metaprompt/tokenizers/tokenizer_parts.h"

namespace metaprompt {

// The JSON files in a folder that configure its tokenizer; null if a file is missing. Errors begin with `name`.
struct TokenizerJson {
  static absl::StatusOr<TokenizerJson> Parse(const TokenizerFiles& files, absl::string_view name);
  // A setting of tokenizer_config.json, or `otherwise` if it is missing or null.
  absl::StatusOr<bool> Flag(const char* key, bool otherwise) const;
  // Whether tokenizer_config.json has the setting, with a value other than null.
  bool Has(const char* key) const;

  std::string name;
  std::map<std::string, nlohmann::json> files;  // by file name
  const nlohmann::json& Get(const char* file) const;
};

// The default special tokens of a kind of tokenizer; empty: there is none.
struct SpecialNames {
  const char* bos;
  const char* eos;
  const char* unk;
  const char* sep;
  const char* pad;
  const char* cls;
  const char* mask;
  bool mask_takes_space;  // whether the mask token includes the white space before it
  // Whether it is the tokenizer of a causal model, which has no [CLS], [SEP] and [MASK], and need not have [UNK]. With
  // add_bos_token in tokenizer_config.json, its bos token precedes every input.
  bool causal = false;
  // Whether it is the tokenizer of an encoder-decoder, which has no [CLS]. Its decoder begins with the padding token.
  bool decodes = false;
};

// Sets `pieces`, those of the model, added pieces, added tokens and special ids in `parts`. They are read from
// added_tokens_decoder in tokenizer_config.json or, if it is missing, from special_tokens_map.json, added_tokens.json
// and tokenizer.json, as in `transformers` 4.40. `transformers` would assign a new id to a token without one. Here such
// a token is left out if it is the padding, bos or eos token. Otherwise it is an error.
absl::Status AddTokens(std::vector<std::string> pieces, const TokenizerJson& json, const SpecialNames& names,
                       TokenizerParts* parts);

}  // namespace metaprompt

#endif  // METAPROMPT_TOKENIZERS_FILES_TOKENIZER_CONFIG_H_
