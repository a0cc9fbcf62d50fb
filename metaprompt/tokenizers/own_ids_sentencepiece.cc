#include "metaprompt/tokenizers/own_ids_sentencepiece.h"

#include <utility>
#include <vector>

#include "metaprompt/tokenizers/slow_added_tokens.h"
#include "metaprompt/tokenizers/unicode.h"

namespace metaprompt {
namespace {

class OwnIdsSentencePiece : public Tokenizer {
 public:
  OwnIdsSentencePiece(std::unique_ptr<Tokenizer> sentencepiece, TokenizerParts parts)
      : sentencepiece_(std::move(sentencepiece)),
        parts_(std::move(parts)),
        never_encoded_(NeverEncoded(parts_)),
        added_(parts_.added) {}

  int64_t vocab_size() const override { return static_cast<int64_t>(parts_.pieces.size()); }
  SpecialIds special() const override { return parts_.special; }
  const TokenizerFiles& files() const override { return parts_.files; }
  std::string Piece(int64_t id) const override { return parts_.pieces[static_cast<size_t>(id)]; }

  std::vector<int64_t> Encode(absl::string_view text) const override {
    std::vector<int64_t> ids = sentencepiece_->Encode(Utf8Text(text).view());
    for (int64_t& id : ids) {  // a model may have special tokens as pieces of text
      id = never_encoded_[static_cast<size_t>(id)] ? parts_.special.unk : id;
    }
    return ids;
  }

  std::vector<int64_t> EncodeWithSpecial(absl::string_view text) const override {
    std::vector<int64_t> ids;
    for (const SlowAddedTokens::Part& part : added_.Split(Utf8Text(text).view())) {
      if (part.id >= 0) {
        ids.push_back(part.id);
      } else {
        const std::vector<int64_t> of_text = sentencepiece_->Encode(part.text);
        ids.insert(ids.end(), of_text.begin(), of_text.end());
      }
    }
    return ids;
  }

 private:
  std::unique_ptr<Tokenizer> sentencepiece_;
  TokenizerParts parts_;
  std::vector<bool> never_encoded_;
  SlowAddedTokens added_;
};

}  // namespace

std::unique_ptr<Tokenizer> MakeOwnIdsSentencePiece(std::unique_ptr<Tokenizer> sentencepiece, TokenizerParts parts) {
  return std::make_unique<OwnIdsSentencePiece>(std::move(sentencepiece), std::move(parts));
}

}  // namespace metaprompt
