// ALBERT's tokenizer (Lan et al. 2020): cleans up the text and applies a sentencepiece model. The reference is the slow
// AlbertTokenizer of `transformers`, which uses the sentencepiece library too.
//
// - The fast tokenizer leaves white space other than double spaces unchanged, applies the digit-comma rule by lowering
//   scores, and does not use the sentencepiece library. With the test's vocabulary its ids differ for 150 of HuffPost's
//   36,900 headlines (nearly always because two segmentations of a word are equally probable), and for each of the
//   first 6,000 posts of 20 Newsgroups, which consist of several lines.
// - Between equally probable segmentations, sentencepiece 0.2 chooses differently from Debian's 0.1.97: the slow
//   tokenizer's ids then differ for 144 of those headlines and 132 of those posts.
// - The Unicode tables have version 15.0, as in Python 3.12. In Python 3.11, 92 characters of 15.0 are unassigned.
// - A sequence of unknown characters is [UNK], even if it spells a special token or ends with a digit and a comma.
#ifndef METAPROMPT_TOKENIZERS_ALBERT_TOKENIZER_H_
#define METAPROMPT_TOKENIZERS_ALBERT_TOKENIZER_H_

#include <memory>

#include "metaprompt/tokenizers/tokenizer_parts.h"

namespace metaprompt {

struct AlbertOptions {
  bool lower_case = true;
  bool remove_space = true;  // white space becomes a single space, and is removed at the ends
  bool keep_accents = false;
};

// `sentencepiece` is the model. `parts.pieces` are its pieces, followed by added ones.
std::unique_ptr<Tokenizer> MakeAlbert(std::unique_ptr<Tokenizer> sentencepiece, TokenizerParts parts,
                                      const AlbertOptions& options);

}  // namespace metaprompt

#endif  // METAPROMPT_TOKENIZERS_ALBERT_TOKENIZER_H_
