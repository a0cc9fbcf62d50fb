// Converts the Unigram model (Kudo 2018) in a tokenizer.json back to the sentencepiece model from which it was made.
#ifndef METAPROMPT_TOKENIZERS_FILES_UNIGRAM_JSON_H_
#define METAPROMPT_TOKENIZERS_FILES_UNIGRAM_JSON_H_

#include <string>

#include "absl/status/statusor.h"
#include "metaprompt/tokenizers/fairseq_tokenizer.h"
#include "metaprompt/tokenizers/files/whole_file.h"

namespace metaprompt {

// Returns the bytes of a sentencepiece model with the pieces, scores and character map of a tokenizer.json whose pieces
// have fairseq's ids. It is an error if the file describes another kind of tokenizer.
absl::StatusOr<std::string> SentencePieceFromJson(FairseqIds ids, const WholeFile& whole);

}  // namespace metaprompt

#endif  // METAPROMPT_TOKENIZERS_FILES_UNIGRAM_JSON_H_
