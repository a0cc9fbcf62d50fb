// ALBERT's tokenizer (Lan et al. 2020): a sentencepiece model behind a clean-up of its own. The slow AlbertTokenizer of
// `transformers`, which runs the sentencepiece library itself as we do, is the reference. Its Unicode tables are those
// of its Python; ours are Unicode 15.0, as Python 3.12's.
#ifndef METAPROMPT_ALBERT_TOKENIZER_H_
#define METAPROMPT_ALBERT_TOKENIZER_H_

#include <memory>

#include "metaprompt/tokenizer_parts.h"

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

#endif  // METAPROMPT_ALBERT_TOKENIZER_H_
