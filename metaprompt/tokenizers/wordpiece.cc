#include "metaprompt/tokenizers/wordpiece.h"

#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/match.h"
#include "metaprompt/tokenizers/bert_words.h"
#include "metaprompt/tokenizers/unicode.h"

namespace metaprompt {
namespace {

constexpr char kContinuation[] = "##";

// A tree of the bytes of pieces, in which the longest piece at a place is found in one pass.
class PieceTree {
 public:
  PieceTree() : ids_(1, -1) {}

  void Add(absl::string_view piece, int64_t id) {
    uint32_t node = 0;
    for (const char byte : piece) {
      const auto [child, is_new] = children_.try_emplace(Edge(node, byte), static_cast<uint32_t>(ids_.size()));
      node = child->second;
      if (is_new) {
        ids_.push_back(-1);
      }
    }
    ids_[node] = id;
  }

  // The longest piece at the start of `text` for which `allowed` is true; its length is 0 if there is none.
  template <typename Allowed>
  std::pair<int64_t, size_t> Longest(absl::string_view text, const Allowed& allowed) const {
    std::pair<int64_t, size_t> longest(-1, 0);
    uint32_t node = 0;
    for (size_t i = 0; i < text.size(); ++i) {
      const auto child = children_.find(Edge(node, text[i]));
      if (child == children_.end()) {
        break;
      }
      node = child->second;
      if (ids_[node] >= 0 && allowed(ids_[node])) {
        longest = {ids_[node], i + 1};
      }
    }
    return longest;
  }

 private:
  static uint64_t Edge(uint32_t node, char byte) {
    return static_cast<uint64_t>(node) << 8U | static_cast<unsigned char>(byte);
  }

  absl::flat_hash_map<uint64_t, uint32_t> children_;
  std::vector<int64_t> ids_;  // by node; -1: no piece ends there
};

class WordPiece : public Tokenizer {
 public:
  WordPiece(TokenizerParts parts, const WordPieceOptions& options)
      : parts_(std::move(parts)),
        words_of_text_(options),
        max_word_length_(options.max_word_length),
        never_encoded_(NeverEncoded(parts_)) {
    for (size_t i = 0; i < parts_.model_pieces; ++i) {
      const absl::string_view piece = parts_.pieces[i];
      words_.emplace(piece, static_cast<int64_t>(i));
      first_.Add(piece, static_cast<int64_t>(i));
      if (absl::StartsWith(piece, kContinuation)) {
        rest_.Add(piece.substr(2), static_cast<int64_t>(i));
      }
    }
    std::vector<AddedToken> raw;
    std::vector<AddedToken> normalized;
    for (AddedToken token : parts_.added) {
      if (token.normalized) {
        token.content = words_of_text_.Normalized(token.content);
      }
      if (!token.content.empty()) {
        (token.normalized ? normalized : raw).push_back(std::move(token));
      }
    }
    raw_ = AddedTokens(std::move(raw));
    normalized_ = AddedTokens(std::move(normalized));
  }

  int64_t vocab_size() const override { return static_cast<int64_t>(parts_.pieces.size()); }
  SpecialIds special() const override { return parts_.special; }
  const TokenizerFiles& files() const override { return parts_.files; }
  std::string Piece(int64_t id) const override { return parts_.pieces[static_cast<size_t>(id)]; }

  std::vector<int64_t> Encode(absl::string_view text) const override {
    std::vector<int64_t> ids;
    AppendWords(
        words_of_text_.Normalized(Utf8Text(text).view()),
        [this](int64_t id) { return !never_encoded_[static_cast<size_t>(id)]; }, &ids);
    return ids;
  }

  std::vector<int64_t> EncodeWithSpecial(absl::string_view text) const override {
    const auto all = [](int64_t /*id*/) { return true; };
    std::vector<int64_t> ids;
    const Utf8Text valid(text);
    for (const TextPart& part : raw_.Split(valid.view())) {
      if (part.id >= 0) {
        ids.push_back(part.id);
        continue;
      }
      const std::string normalized = words_of_text_.Normalized(part.text);
      if (normalized_.empty()) {
        AppendWords(normalized, all, &ids);
        continue;
      }
      for (const TextPart& inner : normalized_.Split(normalized)) {
        if (inner.id >= 0) {
          ids.push_back(inner.id);
        } else {
          AppendWords(inner.text, all, &ids);
        }
      }
    }
    return ids;
  }

 private:
  template <typename Allowed>
  void AppendWords(absl::string_view text, const Allowed& allowed, std::vector<int64_t>* ids) const {
    words_of_text_.ForEach(text, [&](absl::string_view word) { AppendWord(word, allowed, ids); });
  }

  template <typename Allowed>
  void AppendWord(absl::string_view word, const Allowed& allowed, std::vector<int64_t>* ids) const {
    if (TooLong(word)) {
      ids->push_back(parts_.special.unk);
      return;
    }
    if (const auto whole = words_.find(word); whole != words_.end() && allowed(whole->second)) {
      ids->push_back(whole->second);
      return;
    }
    const size_t before = ids->size();
    for (size_t at = 0; at < word.size();) {
      const auto [id, length] = (at == 0 ? first_ : rest_).Longest(word.substr(at), allowed);
      if (length == 0) {
        ids->resize(before);
        ids->push_back(parts_.special.unk);
        return;
      }
      ids->push_back(id);
      at += length;
    }
  }

  bool TooLong(absl::string_view word) const {
    if (word.size() <= max_word_length_) {
      return false;
    }
    size_t characters = 0;
    for (const char byte : word) {
      characters += (static_cast<unsigned char>(byte) & 0xC0U) != 0x80 ? 1 : 0;
    }
    return characters > max_word_length_;
  }

  TokenizerParts parts_;
  BertWords words_of_text_;
  size_t max_word_length_;
  std::vector<bool> never_encoded_;
  absl::flat_hash_map<absl::string_view, int64_t> words_;  // views of parts_.pieces
  PieceTree first_;                                        // pieces at the start of a word
  PieceTree rest_;                                         // pieces that continue a word, without their ##
  AddedTokens raw_;
  AddedTokens normalized_;
};

}  // namespace

std::unique_ptr<Tokenizer> MakeWordPiece(TokenizerParts parts, const WordPieceOptions& options) {
  return std::make_unique<WordPiece>(std::move(parts), options);
}

}  // namespace metaprompt
