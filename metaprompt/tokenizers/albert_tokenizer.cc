#include "metaprompt/tokenizers/albert_tokenizer.h"

#include <algorithm>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/match.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/strip.h"
#include "metaprompt/tokenizers/unicode.h"

namespace metaprompt {
namespace {

constexpr char kWordStart[] = "\xE2\x96\x81";  // U+2581, which sentencepiece writes for a space

absl::string_view Stripped(absl::string_view text, bool left, bool right) {
  for (size_t at = 0; left && !text.empty() && IsPythonSpace(NextCharacter(text, &at)); at = 0) {
    text.remove_prefix(at);
  }
  while (right && !text.empty() && IsPythonSpace(CharacterBefore(text, text.size()))) {
    while ((static_cast<unsigned char>(text.back()) & 0xC0U) == 0x80) {
      text.remove_suffix(1);
    }
    text.remove_suffix(1);
  }
  return text;
}

class Albert : public Tokenizer {
 public:
  Albert(std::unique_ptr<Tokenizer> sentencepiece, TokenizerParts parts, const AlbertOptions& options)
      : sentencepiece_(std::move(sentencepiece)),
        parts_(std::move(parts)),
        options_(options),
        never_encoded_(NeverEncoded(parts_)) {
    std::vector<AddedToken> all;
    std::vector<AddedToken> kept;
    for (const AddedToken& token : parts_.added) {
      by_content_.emplace(token.content, &token);
      AddedToken plain;
      plain.content = token.content;
      plain.id = token.id;
      if (token.special || token.normalized) {
        kept.push_back(plain);
      }
      all.push_back(std::move(plain));
    }
    all_ = AddedTokens(std::move(all));
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
    for (int64_t& id : ids) {  // a model may know special tokens as pieces of text
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
    std::vector<std::string> parts;
    for (const TextPart& part : all_.Split(lowered)) {
      parts.emplace_back(part.text);
    }
    ApplyFlags(&parts);
    std::vector<int64_t> ids;
    for (const std::string& part : parts) {
      if (const auto token = by_content_.find(part); token != by_content_.end()) {
        ids.push_back(token->second->id);
      } else if (!part.empty()) {
        AppendText(part, &ids);
      }
    }
    return ids;
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

  // What an added token takes from its neighbours, in the slow tokenizer's order.
  void ApplyFlags(std::vector<std::string>* parts) const {
    for (size_t i = 0; i < parts->size(); ++i) {
      const auto found = by_content_.find((*parts)[i]);
      if (found == by_content_.end()) {
        continue;
      }
      const AddedToken& token = *found->second;
      std::string* const left = i > 0 && !(*parts)[i - 1].empty() ? &(*parts)[i - 1] : nullptr;
      std::string* const right = i + 1 < parts->size() && !(*parts)[i + 1].empty() ? &(*parts)[i + 1] : nullptr;
      // As it was before any is stripped.
      const bool word_left = left != nullptr && left->back() != ' ';
      const bool word_right = right != nullptr && right->front() != ' ';
      if (token.rstrip && right != nullptr) {
        *right = std::string(Stripped(*right, /*left=*/true, /*right=*/false));
      }
      if (token.lstrip && left != nullptr) {
        *left = std::string(Stripped(*left, /*left=*/false, /*right=*/true));
      }
      if (token.single_word && word_left) {
        *left += token.content;
        (*parts)[i].clear();
      } else if (token.single_word && word_right) {
        *right = token.content + *right;
        (*parts)[i].clear();
      }
    }
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

  // A piece that ends with a digit and a comma is taken apart: `_9,` is `_9` and `,`.
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
  absl::flat_hash_map<absl::string_view, const AddedToken*> by_content_;  // views and elements of parts_.added
  AddedTokens all_;
  AddedTokens keep_case_;
  absl::flat_hash_map<int64_t, std::vector<int64_t>> commas_;
};

}  // namespace

std::unique_ptr<Tokenizer> MakeAlbert(std::unique_ptr<Tokenizer> sentencepiece, TokenizerParts parts,
                                      const AlbertOptions& options) {
  return std::make_unique<Albert>(std::move(sentencepiece), std::move(parts), options);
}

}  // namespace metaprompt
