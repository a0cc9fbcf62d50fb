// Chooses the tokens of an input that a masked language model predicts, and their replacements.
#ifndef EXPERIMENTS_PRETRAINING_MASKING_H_
#define EXPERIMENTS_PRETRAINING_MASKING_H_

#include <cstdint>
#include <vector>

#include "absl/types/span.h"
#include "experiments/pretraining/pretraining.pb.h"
#include "metaprompt/base/random.h"
#include "metaprompt/tokenizers/tokenizer.h"

namespace metaprompt {

struct MaskedTokens {
  std::vector<int64_t> ids;     // the input of the encoder
  std::vector<int64_t> places;  // of the tokens to predict, ascending
  std::vector<int64_t> labels;  // their ids before masking
};

// The masking of BERT (Devlin et al. 2019, section 3.1, and appendix A.1). Of the n tokens that are not special, max(1,
// round(share n)) are predicted. They are chosen at random: single tokens or, with whole_words, whole words. The first
// word that is chosen may be longer than the wanted number of tokens; a later word with more tokens than are still
// wanted is skipped. Immutable.
class Masking {
 public:
  // A piece that continues a word is one that begins with `##`; whole_words needs such pieces.
  Masking(const MaskedSpec& spec, const Tokenizer& tokenizer);

  // Whether the tokenizer has pieces that begin with ##.
  bool marks_words() const { return marks_words_; }

  // An input of only special tokens has nothing to predict.
  MaskedTokens Apply(absl::Span<const int32_t> ids, Random* random) const;

  // The input with the token at `place` masked.
  MaskedTokens MaskOne(absl::Span<const int32_t> ids, int64_t place) const;

  bool IsSpecial(int64_t id) const { return id == special_.cls || id == special_.sep || id == special_.pad; }

 private:
  MaskedSpec spec_;
  SpecialIds special_;
  int64_t vocab_size_;
  bool marks_words_ = false;
  std::vector<bool> continues_;  // by id; empty: every token is a word
};

}  // namespace metaprompt

#endif  // EXPERIMENTS_PRETRAINING_MASKING_H_
