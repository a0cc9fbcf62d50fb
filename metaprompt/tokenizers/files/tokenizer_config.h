// The tokens that a checkpoint adds to its tokenizer's pieces, from the several files that may name them.
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

// The JSON files of a folder that configure its tokenizer; null where a file is missing. `name` begins errors.
struct TokenizerJson {
  static absl::StatusOr<TokenizerJson> Parse(const TokenizerFiles& files, absl::string_view name);
  // A setting of tokenizer_config.json, or `otherwise` where it is absent or null.
  absl::StatusOr<bool> Flag(const char* key, bool otherwise) const;
  // Whether tokenizer_config.json has the setting, and not as null.
  bool Has(const char* key) const;

  std::string name;
  std::map<std::string, nlohmann::json> files;  // by file name
  const nlohmann::json& Get(const char* file) const;
};

// The special tokens of a kind of tokenizer where no file names others; empty: none.
struct SpecialNames {
  const char* bos;
  const char* eos;
  const char* unk;
  const char* sep;
  const char* pad;
  const char* cls;
  const char* mask;
  bool mask_takes_space;  // the mask token takes the white space before it
  // The tokenizer of a causal model: it has no [CLS], [SEP] and [MASK], and it need not have [UNK]. With add_bos_token
  // in tokenizer_config.json, its bos token stands before every input.
  bool causal = false;
};

// Completes `parts`, whose pieces are those of the model: added pieces, added tokens and special ids. They come from
// added_tokens_decoder of tokenizer_config.json, and without it from special_tokens_map.json, added_tokens.json and
// tokenizer.json, as in `transformers` 4.40. A token that has no id, for which `transformers` would invent one, is left
// out if it is the padding, bos or eos token, and an error otherwise.
absl::Status AddTokens(const TokenizerJson& json, const SpecialNames& names, TokenizerParts* parts);

}  // namespace metaprompt

#endif  // METAPROMPT_TOKENIZERS_FILES_TOKENIZER_CONFIG_H_
