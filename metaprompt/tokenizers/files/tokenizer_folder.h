// The tokenizer of a checkpoint folder as published for `transformers`, giving the ids that its AutoTokenizer gives.
//
// The reference is `transformers` 4.40 with `tokenizers` 0.19: the fast tokenizer for WordPiece and byte-level BPE, and
// the slow one for sentencepiece (albert_tokenizer.h lists the differences). On one thread each is at least twice as
// fast as the `tokenizers` library on one thread; WordPiece about 15 times.
#ifndef METAPROMPT_TOKENIZERS_FILES_TOKENIZER_FOLDER_H_
#define METAPROMPT_TOKENIZERS_FILES_TOKENIZER_FOLDER_H_

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "metaprompt/tokenizers/tokenizer.h"

namespace metaprompt {

// The files of the folder that belong to its tokenizer: config.json (which must exist), tokenizer_config.json,
// special_tokens_map.json, added_tokens.json, vocab.txt, vocab.json, merges.txt, spiece.model, spm.model,
// sentencepiece.bpe.model, tokenizer.json; and, where none of these has a vocabulary, tokenizer.model.
absl::StatusOr<TokenizerFiles> ReadTokenizerFiles(const std::string& folder);

// tokenizer_config.json's tokenizer_class chooses the algorithm; without one, config.json's model_type does (see
// Architecture::tokenizer). Settings are those of tokenizer_config.json, or else the defaults of `transformers`. The
// vocabulary comes from tokenizer.json if its own files are missing; ALBERT's has to have spiece.model. tokenizer.model
// is a sentencepiece model that this program trained (LoadSentencePiece); the result's files are then that one alone.
// An error is one line that begins with `name`, the folder.
absl::StatusOr<std::unique_ptr<Tokenizer>> MakeTokenizer(const TokenizerFiles& files, absl::string_view name);

}  // namespace metaprompt

#endif  // METAPROMPT_TOKENIZERS_FILES_TOKENIZER_FOLDER_H_
