// The tokenizer of a checkpoint folder as published for `transformers`, giving the ids that its AutoTokenizer gives.
//
// The reference is `transformers` 4.40 with `tokenizers` 0.19: the fast tokenizer for WordPiece and byte-level BPE, and
// for sentencepiece the slow one (albert_tokenizer.h says where the fast one differs). On one thread each is at least
// twice as fast as the `tokenizers` library is without its threads; WordPiece about 15 times.
#ifndef METAPROMPT_TOKENIZERS_TOKENIZER_FOLDER_H_
#define METAPROMPT_TOKENIZERS_TOKENIZER_FOLDER_H_

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "metaprompt/tokenizers/tokenizer.h"

namespace metaprompt {

// Those of the folder's files that belong to its tokenizer: config.json (which must exist), tokenizer_config.json,
// special_tokens_map.json, added_tokens.json, vocab.txt, vocab.json, merges.txt, spiece.model, tokenizer.json.
absl::StatusOr<TokenizerFiles> ReadTokenizerFiles(const std::string& folder);

// By tokenizer_config.json's tokenizer_class, and without one by config.json's model_type: bert, distilbert, mpnet
// (WordPiece), roberta (byte-level BPE), albert (sentencepiece). The settings of tokenizer_config.json win, and where
// they say nothing the defaults of `transformers`; a vocabulary is taken from tokenizer.json where it has no file of
// its own. An error is one line that begins with `name`, the folder.
absl::StatusOr<std::unique_ptr<Tokenizer>> MakeTokenizer(const TokenizerFiles& files, absl::string_view name);

}  // namespace metaprompt

#endif  // METAPROMPT_TOKENIZERS_TOKENIZER_FOLDER_H_
