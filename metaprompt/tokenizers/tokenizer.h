// Tokenizer: the interface for converting text to vocabulary ids, and sentencepiece models.
#ifndef METAPROMPT_TOKENIZERS_TOKENIZER_H_
#define METAPROMPT_TOKENIZERS_TOKENIZER_H_

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace metaprompt {

struct SpecialIds {
  int64_t cls = 0;   // before every input; -1: there is none
  int64_t sep = 0;   // after every input; -1: there is none
  int64_t mask = 0;  // in place of a missing word; -1: there is none, because the tokenizer belongs to a causal model
  int64_t unk = -1;  // -1: there is none
  int64_t pad = -1;  // the same
  // The first token of the decoder's input; -1: the tokenizer does not belong to an encoder-decoder.
  int64_t decoder_start = -1;
};

// The contents of a tokenizer's files, by file name, such as `vocab.txt`.
using TokenizerFiles = std::map<std::string, std::string>;

// Immutable. Several threads may call a tokenizer at the same time.
class Tokenizer {
 public:
  virtual ~Tokenizer() = default;
  virtual int64_t vocab_size() const = 0;
  virtual SpecialIds special() const = 0;
  // The ids of a text, in which the only special token may be [UNK]. Any bytes are accepted. A text that spells [MASK]
  // stays text.
  virtual std::vector<int64_t> Encode(absl::string_view text) const = 0;
  // The same, but special tokens and other added tokens of the checkpoint that are written in the text become these
  // tokens.
  virtual std::vector<int64_t> EncodeWithSpecial(absl::string_view text) const { return Encode(text); }
  // The piece with this id.
  virtual std::string Piece(int64_t id) const = 0;
  // The files from which the same tokenizer can be made.
  virtual const TokenizerFiles& files() const = 0;
};

// The name of the file of a trained tokenizer.
constexpr char kSentencePieceFile[] = "tokenizer.model";

// Loads a sentencepiece model (Kudo and Richardson 2018), which must have the pieces [CLS], [SEP] and [MASK]. Errors
// begin with `name`.
absl::StatusOr<std::unique_ptr<Tokenizer>> LoadSentencePiece(std::string bytes, absl::string_view name);

// The same for any model. The special ids of pieces that the model does not have are -1.
absl::StatusOr<std::unique_ptr<Tokenizer>> LoadPlainSentencePiece(std::string bytes, absl::string_view name);

// Trains a sentencepiece model by byte-pair encoding, and returns its bytes. `normalization` is the name of one of
// sentencepiece's rules. The default is NFKC and lower case; "identity" leaves texts unchanged. It is an error, which
// begins with `field`, if the texts do not yield `vocab_size` pieces, or if their characters alone need more. The same
// texts in the same order give the same bytes. Takes about a second per megabyte of text.
absl::StatusOr<std::string> TrainSentencePiece(const std::vector<std::string>& texts, int vocab_size,
                                               absl::string_view normalization = "nmt_nfkc_cf",
                                               absl::string_view field = "model.tokenizer.vocab_size");

}  // namespace metaprompt

#endif  // METAPROMPT_TOKENIZERS_TOKENIZER_H_
