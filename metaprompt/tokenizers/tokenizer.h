// Text to vocabulary ids.
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
  int64_t cls = 0;
  int64_t sep = 0;
  int64_t mask = 0;
  int64_t unk = -1;  // -1: there is none
  int64_t pad = -1;  // the same
};

// A tokenizer's files, name to bytes: `vocab.txt`, say.
using TokenizerFiles = std::map<std::string, std::string>;

// Immutable; safe to call from several threads at once.
class Tokenizer {
 public:
  virtual ~Tokenizer() = default;
  virtual int64_t vocab_size() const = 0;
  virtual SpecialIds special() const = 0;
  // Ids of the text alone, without special tokens; never one of them but [UNK]. Any bytes are accepted: a text that
  // spells [MASK] stays text.
  virtual std::vector<int64_t> Encode(absl::string_view text) const = 0;
  // The same, but special tokens (and others that a checkpoint adds) that the text spells are those tokens.
  virtual std::vector<int64_t> EncodeWithSpecial(absl::string_view text) const { return Encode(text); }
  // The piece that an id stands for.
  virtual std::string Piece(int64_t id) const = 0;
  // From which the same tokenizer can be made.
  virtual const TokenizerFiles& files() const = 0;
};

// The file that a trained tokenizer is kept in.
constexpr char kSentencePieceFile[] = "tokenizer.model";

// A sentencepiece model (Kudo and Richardson 2018) that has the pieces [CLS], [SEP] and [MASK]. `name` is for errors.
absl::StatusOr<std::unique_ptr<Tokenizer>> LoadSentencePiece(std::string bytes, absl::string_view name);

// Trains one: byte-pair encoding, NFKC and lower case. An error if the texts can't give `vocab_size` pieces, or need
// more for their characters alone. The same texts in the same order give the same bytes. About a second per megabyte of
// text.
absl::StatusOr<std::string> TrainSentencePiece(const std::vector<std::string>& texts, int vocab_size);

}  // namespace metaprompt

#endif  // METAPROMPT_TOKENIZERS_TOKENIZER_H_
