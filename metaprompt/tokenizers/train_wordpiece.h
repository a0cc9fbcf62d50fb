// Makes a vocabulary for BERT's tokenizer from texts.
#ifndef METAPROMPT_TOKENIZERS_TRAIN_WORDPIECE_H_
#define METAPROMPT_TOKENIZERS_TRAIN_WORDPIECE_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "metaprompt/tokenizers/bert_words.h"
#include "metaprompt/tokenizers/tokenizer.h"

namespace metaprompt {

// The files of a tokenizer that MakeTokenizer and `transformers` open as a BertTokenizer: config.json (its model_type
// alone), tokenizer_config.json and vocab.txt. The vocabulary has `size` pieces, or a few less: [PAD], [UNK], [CLS],
// [SEP] and [MASK]; the characters of the texts, each at the start and inside of a word; and the pieces that byte-pair
// encoding (Sennrich et al. 2016, by sentencepiece) merges first. Characters that make up less than 0.05 % of the texts
// are left out. Errors begin with `field`: texts that do not yield so many pieces, and a size without room for their
// characters. The same texts in the same order give the same files. Takes about a second per megabyte of text.
absl::StatusOr<TokenizerFiles> TrainWordPiece(const std::vector<std::string>& texts, int size,
                                              const WordPieceOptions& options, absl::string_view field);

// The files of such a tokenizer for the bytes of a vocab.txt.
TokenizerFiles BertTokenizerFiles(const WordPieceOptions& options, std::string vocabulary);

}  // namespace metaprompt

#endif  // METAPROMPT_TOKENIZERS_TRAIN_WORDPIECE_H_
