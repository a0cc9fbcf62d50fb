// Makes the tokenizers of checkpoint folders that are sentencepiece models.
#ifndef METAPROMPT_TOKENIZERS_FILES_SENTENCEPIECE_FOLDER_H_
#define METAPROMPT_TOKENIZERS_FILES_SENTENCEPIECE_FOLDER_H_

#include <memory>

#include "absl/status/statusor.h"
#include "metaprompt/tokenizers/fairseq_tokenizer.h"
#include "metaprompt/tokenizers/files/tokenizer_config.h"
#include "metaprompt/tokenizers/tokenizer_parts.h"

namespace metaprompt {

// The files of models.
constexpr char kAlbertModel[] = "spiece.model";  // T5's, too
constexpr char kDebertaModel[] = "spm.model";
constexpr char kFairseqModel[] = "sentencepiece.bpe.model";

// RoBERTa's special tokens, which fairseq's models have too.
constexpr SpecialNames kRoberta = {"<s>", "</s>", "<unk>", "</s>", "<pad>", "<s>", "<mask>", true};

// `json` are the folder's JSON files. `parts` has its files. Errors name the file.
absl::StatusOr<std::unique_ptr<Tokenizer>> AlbertTokenizer(const TokenizerJson& json, TokenizerParts parts);
absl::StatusOr<std::unique_ptr<Tokenizer>> DebertaTokenizer(const TokenizerJson& json, TokenizerParts parts);
// From sentencepiece.bpe.model or, if it is missing, tokenizer.json.
absl::StatusOr<std::unique_ptr<Tokenizer>> FairseqTokenizer(FairseqIds ids, const TokenizerJson& json,
                                                            TokenizerParts parts);
// T5's: spiece.model, and behind its pieces the sentinels <extra_id_N-1>, ..., <extra_id_0>, in this order. N is
// extra_ids in tokenizer_config.json, 100 by default. <extra_id_0> is the mask, </s> follows every input, and the
// decoder begins with <pad>.
absl::StatusOr<std::unique_ptr<Tokenizer>> T5Tokenizer(const TokenizerJson& json, TokenizerParts parts);

}  // namespace metaprompt

#endif  // METAPROMPT_TOKENIZERS_FILES_SENTENCEPIECE_FOLDER_H_
