// Opens the tokenizer of a checkpoint folder. It returns the same ids as `transformers`' AutoTokenizer.
//
// The reference is `transformers` 4.40 with `tokenizers` 0.19: the fast tokenizer for WordPiece and byte-level BPE, and
// the slow one for sentencepiece (albert_tokenizer.h lists the differences). On one thread, each tokenizer is at least
// twice as fast as the `tokenizers` library, and WordPiece is about 15 times as fast.
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
// sentencepiece.bpe.model, tokenizer.json; and, if none of these has a vocabulary, tokenizer.model.
absl::StatusOr<TokenizerFiles> ReadTokenizerFiles(const std::string& folder);

// The algorithm depends on tokenizer_class in tokenizer_config.json or, if it is missing, on model_type in config.json
// (see Architecture::tokenizer). Settings are read from tokenizer_config.json, and have the defaults of `transformers`.
// The vocabulary is read from tokenizer.json if its own files are missing, except ALBERT's and T5's, which
// must have spiece.model. tokenizer.model is a sentencepiece model that this program has trained (LoadSentencePiece);
// it is then the only file of the result. A vocabulary with less than half of config.json's vocab_size is an error, as
// it is cut short. Errors are one line, which begins with `name`, the folder. If a file is an HTML page, for example,
// a second line contains that likely cause.
absl::StatusOr<std::unique_ptr<Tokenizer>> MakeTokenizer(const TokenizerFiles& files, absl::string_view name);

}  // namespace metaprompt

#endif  // METAPROMPT_TOKENIZERS_FILES_TOKENIZER_FOLDER_H_
