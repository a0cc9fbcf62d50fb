#include "metaprompt/tokenizers/renumbered_sentencepiece.h"

#include <utility>

#include "metaprompt/tokenizers/slow_added_tokens.h"
#include "metaprompt/tokenizers/unicode.h"

namespace metaprompt {
namespace {

class RenumberedSentencePiece : public Tokenizer {
 public:
  RenumberedSentencePiece(std::unique_ptr<Tokenizer> sentencepiece, std::vector<int64_t> ids, TokenizerParts parts)
      : sentencepiece_(std::move(sentencepiece)),
        ids_(std::move(ids)),
        parts_(std::move(parts)),
        never_encoded_(NeverEncoded(parts_)),
        added_(parts_.added) {}

  int64_t vocab_size() const override { return static_cast<int64_t>(parts_.pieces.size()); }
  SpecialIds special() const override { return parts_.special; }
  const TokenizerFiles& files() const override { return parts_.files; }
  std::string Piece(int64_t id) const override { return parts_.pieces[static_cast<size_t>(id)]; }

  std::vector<int64_t> Encode(absl::string_view text) const override {
    std::vector<int64_t> ids;
    AppendText(Utf8Text(text).view(), &ids);
    for (int64_t& id : ids) {  // special tokens may be pieces of the model
      id = never_encoded_[static_cast<size_t>(id)] ? parts_.special.unk : id;
    }
    return ids;
  }

  std::vector<int64_t> EncodeWithSpecial(absl::string_view text) const override {
    return added_.Encode(Utf8Text(text).view(),
                         [this](absl::string_view part, std::vector<int64_t>* ids) { AppendText(part, ids); });
  }

 private:
  void AppendText(absl::string_view text, std::vector<int64_t>* ids) const {
    for (const int64_t id : sentencepiece_->Encode(text)) {
      ids->push_back(ids_[static_cast<size_t>(id)]);
    }
  }

  std::unique_ptr<Tokenizer> sentencepiece_;
  std::vector<int64_t> ids_;  // from the model's id to ours
  TokenizerParts parts_;
  std::vector<bool> never_encoded_;
  SlowAddedTokens added_;
};

}  // namespace

std::unique_ptr<Tokenizer> MakeRenumberedSentencePiece(std::unique_ptr<Tokenizer> sentencepiece,
                                                       std::vector<int64_t> ids, TokenizerParts parts) {
  return std::make_unique<RenumberedSentencePiece>(std::move(sentencepiece), std::move(ids), std::move(parts));
}

}  // namespace metaprompt
