// Trains a vocabulary for BERT's tokenizer.
#ifndef METAPROMPT_TOKENIZERS_TRAIN_WORDPIECE_H_
#define METAPROMPT_TOKENIZERS_TRAIN_WORDPIECE_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "metaprompt/tokenizers/bert_words.h"
#include "metaprompt/tokenizers/tokenizer.h"

namespace metaprompt {

// Returns the files of a tokenizer that MakeTokenizer and `transformers` open as a BertTokenizer: config.json (with
// only a model_type), tokenizer_config.json and vocab.txt. The vocabulary has `size` pieces, or a few less: [PAD],
// [UNK], [CLS], [SEP] and [MASK]; the characters of the texts, each at the start and inside of a word; and the pieces
// that byte-pair encoding (Sennrich et al. 2016, by sentencepiece) merges first. The rarest characters, which together
// make up 0.05 % of the texts, are left out. Errors begin with `field`: texts that do not yield so many pieces;
// characters that alone need more. The same texts in the same order give the same files. Takes about a second per
// megabyte of text.
absl::StatusOr<TokenizerFiles> TrainWordPiece(const std::vector<std::string>& texts, int size,
                                              const WordPieceOptions& options, absl::string_view field);

// The files of such a tokenizer with this vocab.txt.
TokenizerFiles BertTokenizerFiles(const WordPieceOptions& options, std::string vocabulary);

}  // namespace metaprompt

#endif  // METAPROMPT_TOKENIZERS_TRAIN_WORDPIECE_H_
