// ALBERT's tokenizer (Lan et al. 2020): a sentencepiece model behind a clean-up of its own. The slow AlbertTokenizer of
// `transformers`, which runs the sentencepiece library itself as we do, is the reference.
//
// - The fast one leaves white space other than double spaces as it is, applies the digit-comma rule by lowering scores,
//   and cuts words by code of its own. With the test's vocabulary it gives other ids for 150 of HuffPost's 36,900
//   headlines (nearly all of them cuts that are equally probable), and for each of the first 6,000 posts of 20
//   Newsgroups, which have lines.
// - sentencepiece 0.2 chooses otherwise than Debian's 0.1.97 between equally probable cuts: in 144 of those headlines
//   and 132 of those posts, with the slow tokenizer.
// - Unicode tables are 15.0, as Python 3.12's. To Python 3.11, 92 of 15.0's new characters are unassigned.
// - A piece made of unknown characters is [UNK], even if it spells a special token or ends with a digit and a comma.
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
