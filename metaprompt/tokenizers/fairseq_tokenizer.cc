#include "metaprompt/tokenizers/fairseq_tokenizer.h"

#include <algorithm>
#include <array>
#include <numeric>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "metaprompt/base/text.h"
#include "metaprompt/tokenizers/renumbered_sentencepiece.h"

namespace metaprompt {
namespace {

constexpr std::array<const char*, 3> kModelFirst = {"<unk>", "<s>", "</s>"};
constexpr char kMask[] = "<mask>";
constexpr int64_t kUnknown = 3;  // fairseq's <unk>

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
  const auto shift = static_cast<int64_t>(FairseqFirst(ids).size() - kModelFirst.size());
  std::vector<int64_t> renumbered(static_cast<size_t>(sentencepiece->vocab_size()));
  std::iota(renumbered.begin(), renumbered.end(), shift);
  // For text, the model may return its <unk>, 0, but never <s> or </s>.
  std::fill_n(renumbered.begin(), std::min(kModelFirst.size(), renumbered.size()), kUnknown);
  return MakeRenumberedSentencePiece(std::move(sentencepiece), std::move(renumbered), std::move(parts));
}

}  // namespace metaprompt
