#include "metaprompt/tokenizers/fairseq_tokenizer.h"

#include <algorithm>
#include <array>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "metaprompt/base/text.h"
#include "metaprompt/tokenizers/slow_added_tokens.h"
#include "metaprompt/tokenizers/unicode.h"

namespace metaprompt {
namespace {

constexpr std::array<const char*, 3> kModelFirst = {"<unk>", "<s>", "</s>"};
constexpr char kMask[] = "<mask>";
constexpr int64_t kUnknown = 3;  // fairseq's <unk>

class Fairseq : public Tokenizer {
 public:
  Fairseq(FairseqIds ids, std::unique_ptr<Tokenizer> sentencepiece, TokenizerParts parts)
      : sentencepiece_(std::move(sentencepiece)),
        shift_(static_cast<int64_t>(FairseqFirst(ids).size() - kModelFirst.size())),
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
    for (int64_t& id : ids) {  // a folder may declare a piece of the model a special token
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
        AppendText(part.text, &ids);
      }
    }
    return ids;
  }

 private:
  void AppendText(absl::string_view text, std::vector<int64_t>* ids) const {
    for (const int64_t id : sentencepiece_->Encode(text)) {
      // The model gives its <unk>, 0, for text, but never <s> or </s>.
      ids->push_back(id < static_cast<int64_t>(kModelFirst.size()) ? kUnknown : id + shift_);
    }
  }

  std::unique_ptr<Tokenizer> sentencepiece_;
  int64_t shift_;  // from the model's ids to fairseq's, for all but kModelFirst
  TokenizerParts parts_;
  std::vector<bool> never_encoded_;
  SlowAddedTokens added_;
};

}  // namespace

std::vector<std::string> FairseqFirst(FairseqIds ids) {
  if (ids == FairseqIds::kCamembert) {
    return {"<s>NOTUSED", "<pad>", "</s>NOTUSED", "<unk>", "<unk>NOTUSED", "<s>", "</s>"};
  }
  return {"<s>", "<pad>", "</s>", "<unk>"};
}

absl::StatusOr<std::vector<std::string>> FairseqPieces(FairseqIds ids, const Tokenizer& sentencepiece,
                                                       absl::string_view name) {
  const auto wrong = [&](absl::string_view what) { return absl::InvalidArgumentError(absl::StrCat(name, ": ", what)); };
  const std::vector<std::string> first = FairseqFirst(ids);
  std::vector<std::string> pieces = first;
  for (int64_t id = 0; id < sentencepiece.vocab_size(); ++id) {
    std::string piece = sentencepiece.Piece(id);
    const auto place = static_cast<size_t>(id);
    if (place < kModelFirst.size()) {
      if (piece != kModelFirst[place]) {
        return wrong(absl::StrCat("piece ", id, " of the sentencepiece model must be ", kModelFirst[place], ", not ",
                                  Quoted(piece)));
      }
      continue;
    }
    if (piece == kMask || std::find(first.begin(), first.end(), piece) != first.end()) {
      return wrong(absl::StrCat("the sentencepiece model has the piece ", piece, ", which fairseq adds to it"));
    }
    pieces.push_back(std::move(piece));
  }
  pieces.emplace_back(kMask);
  return pieces;
}

std::unique_ptr<Tokenizer> MakeFairseq(FairseqIds ids, std::unique_ptr<Tokenizer> sentencepiece, TokenizerParts parts) {
  return std::make_unique<Fairseq>(ids, std::move(sentencepiece), std::move(parts));
}

}  // namespace metaprompt
