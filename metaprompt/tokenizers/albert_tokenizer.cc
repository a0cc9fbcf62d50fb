#include "metaprompt/tokenizers/albert_tokenizer.h"

#include <algorithm>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/match.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/strip.h"
#include "metaprompt/tokenizers/added_tokens.h"
#include "metaprompt/tokenizers/slow_added_tokens.h"
#include "metaprompt/tokenizers/unicode.h"

namespace metaprompt {
namespace {

constexpr char kWordStart[] = "\xE2\x96\x81";  // U+2581, by which sentencepiece represents a space

class Albert : public Tokenizer {
 public:
  Albert(std::unique_ptr<Tokenizer> sentencepiece, TokenizerParts parts, const AlbertOptions& options)
      : sentencepiece_(std::move(sentencepiece)),
        parts_(std::move(parts)),
        options_(options),
        never_encoded_(NeverEncoded(parts_)),
        added_(parts_.added) {
    std::vector<AddedToken> kept;
    for (const AddedToken& token : parts_.added) {
      if (token.special || token.normalized) {
        kept.emplace_back();
        kept.back().content = token.content;
        kept.back().id = token.id;
      }
    }
    keep_case_ = AddedTokens(std::move(kept));
    AddCommas();
  }

  int64_t vocab_size() const override { return static_cast<int64_t>(parts_.pieces.size()); }
  SpecialIds special() const override { return parts_.special; }
  const TokenizerFiles& files() const override { return parts_.files; }
  std::string Piece(int64_t id) const override { return parts_.pieces[static_cast<size_t>(id)]; }

  std::vector<int64_t> Encode(absl::string_view text) const override {
    std::vector<int64_t> ids;
    const Utf8Text valid(text);
    AppendText(options_.lower_case ? LowerOneByOne(valid.view()) : std::string(valid.view()), &ids);
    for (int64_t& id : ids) {  // special tokens may be pieces of the model
      id = never_encoded_[static_cast<size_t>(id)] ? parts_.special.unk : id;
    }
    return ids;
  }

  std::vector<int64_t> EncodeWithSpecial(absl::string_view text) const override {
    const Utf8Text valid(text);
    std::string lowered;
    if (options_.lower_case) {
      for (const TextPart& part : keep_case_.Split(valid.view())) {
        lowered += part.id >= 0 ? std::string(part.text) : LowerOneByOne(part.text);
      }
    } else {
      lowered = std::string(valid.view());
    }
    return added_.Encode(lowered, [this](absl::string_view part, std::vector<int64_t>* ids) { AppendText(part, ids); });
  }

 private:
  static std::string LowerOneByOne(absl::string_view text) {
    std::string lowered;
    lowered.reserve(text.size());
    for (size_t at = 0; at < text.size();) {
      const auto byte = static_cast<unsigned char>(text[at]);
      if (byte < 0x80) {
        lowered.push_back(static_cast<char>(byte >= 'A' && byte <= 'Z' ? byte + ('a' - 'A') : byte));
        ++at;
      } else {
        AppendLower(NextCharacter(text, &at), &lowered);
      }
    }
    return lowered;
  }

  std::string Cleaned(absl::string_view text) const {
    std::string clean;
    clean.reserve(text.size());
    if (options_.remove_space) {
      bool space = false;
      for (size_t at = 0; at < text.size();) {
        const size_t start = at;
        if (IsPythonSpace(NextCharacter(text, &at))) {
          space = true;
          continue;
        }
        if (space && !clean.empty()) {
          clean.push_back(' ');
        }
        space = false;
        clean.append(text.data() + start, at - start);
      }
    } else {
      clean = std::string(text);
    }
    clean = absl::StrReplaceAll(clean, {{"``", "\""}, {"''", "\""}});
    if (std::any_of(clean.begin(), clean.end(), [](char byte) { return static_cast<unsigned char>(byte) >= 0x80; })) {
      if (!options_.keep_accents) {
        clean = CompatibleWithoutMarks(clean);
      }
      if (options_.lower_case) {
        clean = LowerText(clean);
      }
    }
    return clean;
  }

  void AppendText(absl::string_view text, std::vector<int64_t>* ids) const {
    for (const int64_t id : sentencepiece_->Encode(Cleaned(text))) {
      if (const auto comma = commas_.find(id); comma != commas_.end()) {
        ids->insert(ids->end(), comma->second.begin(), comma->second.end());
      } else {
        ids->push_back(id);
      }
    }
  }

  // Finds the pieces that end with a digit and a comma, which are split: `_9,` becomes `_9` and `,`.
  void AddCommas() {
    absl::flat_hash_map<absl::string_view, int64_t> ids;
    for (size_t i = 0; i < parts_.model_pieces; ++i) {
      ids.emplace(parts_.pieces[i], static_cast<int64_t>(i));
    }
    const auto id_of = [&](absl::string_view piece) {
      const auto found = ids.find(piece);
      return found == ids.end() ? parts_.special.unk : found->second;
    };
    for (size_t i = 0; i < parts_.model_pieces; ++i) {
      const absl::string_view piece = parts_.pieces[i];
      if (piece.size() < 2 || piece.back() != ',' || !IsDigit(CharacterBefore(piece, piece.size() - 1))) {
        continue;
      }
      const std::string number =
          absl::StrReplaceAll(piece.substr(0, piece.size() - 1), {{absl::string_view(kWordStart), ""}});
      std::vector<int64_t> apart = sentencepiece_->Encode(number);
      if (!apart.empty() && !absl::StartsWith(piece, kWordStart)) {
        absl::string_view first = parts_.pieces[static_cast<size_t>(apart[0])];
        if (absl::ConsumePrefix(&first, kWordStart)) {
          if (first.empty()) {
            apart.erase(apart.begin());
          } else {
            apart[0] = id_of(first);
          }
        }
      }
      apart.push_back(id_of(","));
      commas_.emplace(static_cast<int64_t>(i), std::move(apart));
    }
  }

  std::unique_ptr<Tokenizer> sentencepiece_;
  TokenizerParts parts_;
  AlbertOptions options_;
  std::vector<bool> never_encoded_;
  SlowAddedTokens added_;
  AddedTokens keep_case_;
  absl::flat_hash_map<int64_t, std::vector<int64_t>> commas_;
};

}  // namespace

std::unique_ptr<Tokenizer> MakeAlbert(std::unique_ptr<Tokenizer> sentencepiece, TokenizerParts parts,
                                      const AlbertOptions& options) {
  return std::make_unique<Albert>(std::move(sentencepiece), std::move(parts), options);
}

}  // namespace metaprompt
