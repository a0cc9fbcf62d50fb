// ALBERT's tokenizer (Lan et al. 2020): a clean-up of the text, then a sentencepiece model. The slow AlbertTokenizer of
// `transformers`, which runs the sentencepiece library as we do, is the reference.
//
// - The fast tokenizer leaves white space other than double spaces unchanged, applies the digit-comma rule by lowering
//   scores, and does not use the sentencepiece library. With the test's vocabulary it gives other ids for 150 of
//   HuffPost's 36,900 headlines (nearly always because two ways to cut a word are equally probable), and for each of
//   the first 6,000 posts of 20 Newsgroups, which consist of several lines.
// - Between equally probable cuts, sentencepiece 0.2 chooses differently from Debian's 0.1.97: in 144 of those
// headlines
//   and 132 of those posts, with the slow tokenizer.
// - The Unicode tables are those of 15.0, as in Python 3.12. In Python 3.11, 92 characters of 15.0 are unassigned.
// - A piece of unknown characters is [UNK], even if it spells a special token or ends with a digit and a comma.
#ifndef METAPROMPT_TOKENIZERS_ALBERT_TOKENIZER_H_
#define METAPROMPT_TOKENIZERS_ALBERT_TOKENIZER_H_

#include <memory>

#include "metaprompt/tokenizers/tokenizer_parts.h"

namespace metaprompt {

struct AlbertOptions {
  bool lower_case = true;
  bool remove_space = true;  // white space becomes one space, and none at the ends
  bool keep_accents = false;
};

// `sentencepiece` is the model; `parts.pieces` are its pieces and those added.
std::unique_ptr<Tokenizer> MakeAlbert(std::unique_ptr<Tokenizer> sentencepiece, TokenizerParts parts,
                                      const AlbertOptions& options);

}  // namespace metaprompt

#endif  // METAPROMPT_TOKENIZERS_ALBERT_TOKENIZER_H_
