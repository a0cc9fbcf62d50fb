#include "metaprompt/tokenizers/wordpiece.h"

#include <array>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/match.h"
#include "metaprompt/tokenizers/unicode.h"

namespace metaprompt {
namespace {

constexpr char kContinuation[] = "##";

// Chinese characters by blocks, as BERT lists them. The fast tokenizer begins one at 2B920, where Google's code and the
// slow tokenizer have 2B820.
bool IsCjk(char32_t c) {
  return (c >= 0x4E00 && c <= 0x9FFF) || (c >= 0x3400 && c <= 0x4DBF) || (c >= 0x20000 && c <= 0x2A6DF) ||
         (c >= 0x2A700 && c <= 0x2B73F) || (c >= 0x2B740 && c <= 0x2B81F) || (c >= 0x2B920 && c <= 0x2CEAF) ||
         (c >= 0xF900 && c <= 0xFAFF) || (c >= 0x2F800 && c <= 0x2FA1F);
}

enum class Ascii : char { kDropped, kSpace, kPunctuation, kOther };

Ascii AsciiKind(char32_t c) {
  if (c == '\t' || c == '\n' || c == '\r' || c == ' ') {
    return Ascii::kSpace;
  }
  if (c < ' ' || c == 0x7F) {
    return Ascii::kDropped;
  }
  return IsOldPunctuation(c) ? Ascii::kPunctuation : Ascii::kOther;
}

// Pieces as a tree of bytes, so that the longest piece at a place is found in one walk.
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
  std::vector<int64_t> ids_;  // of nodes; -1 where no piece ends
};

class WordPiece : public Tokenizer {
 public:
  WordPiece(TokenizerParts parts, const WordPieceOptions& options)
      : parts_(std::move(parts)), options_(options), never_encoded_(NeverEncoded(parts_)) {
    for (size_t byte = 0; byte < ascii_.size(); ++byte) {
      ascii_[byte] = AsciiKind(static_cast<char32_t>(byte));
      lower_[byte] = static_cast<char>(options.lower_case && byte >= 'A' && byte <= 'Z' ? byte + ('a' - 'A') : byte);
    }
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
        token.content = Normalized(token.content);
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
        Normalized(Utf8Text(text).view()), [this](int64_t id) { return !never_encoded_[static_cast<size_t>(id)]; },
        &ids);
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
      const std::string normalized = Normalized(part.text);
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
  // Appends characters that are not ASCII, normalized as the options require.
  void AppendNormalized(std::u16string* run, std::string* out) const {
    if (run->empty()) {
      return;
    }
    const std::u16string plain = options_.strip_accents ? OldWithoutAccents(*run) : *run;
    for (size_t at = 0; at < plain.size();) {
      const char32_t c = NextCharacter(plain, &at);
      if (options_.lower_case) {
        AppendLower(c, out);
      } else {
        AppendCharacter(c, out);
      }
    }
    run->clear();
  }

  // Valid UTF-8 without control characters: white space becomes spaces, Chinese characters stand between spaces, and
  // accents and upper case are removed if the options require it.
  std::string Normalized(absl::string_view text) const {
    std::string out;
    out.reserve(text.size() + text.size() / 8);
    std::u16string run;  // characters whose accents may follow
    for (size_t at = 0; at < text.size();) {
      const auto byte = static_cast<unsigned char>(text[at]);
      if (byte < 0x80) {
        ++at;
        if (ascii_[byte] != Ascii::kDropped) {
          AppendNormalized(&run, &out);
          out.push_back(ascii_[byte] == Ascii::kSpace ? ' ' : lower_[byte]);
        }
        continue;
      }
      const char32_t c = NextCharacter(text, &at);
      if (c == 0xFFFD || IsOldControl(c)) {
        continue;
      }
      if (IsSpace(c)) {
        AppendNormalized(&run, &out);
        out.push_back(' ');
      } else if (options_.split_cjk && IsCjk(c)) {
        AppendNormalized(&run, &out);
        out.push_back(' ');
        AppendCharacter(c, &run);
        AppendNormalized(&run, &out);
        out.push_back(' ');
      } else {
        AppendCharacter(c, &run);
      }
    }
    AppendNormalized(&run, &out);
    return out;
  }

  // Splits normalized text at white space and around punctuation.
  template <typename Allowed>
  void AppendWords(absl::string_view text, const Allowed& allowed, std::vector<int64_t>* ids) const {
    size_t begin = 0;
    const auto end_word = [&](size_t end) {
      if (begin < end) {
        AppendWord(text.substr(begin, end - begin), allowed, ids);
      }
    };
    for (size_t at = 0; at < text.size();) {
      const size_t start = at;
      const auto byte = static_cast<unsigned char>(text[at]);
      bool space = false;
      bool punctuation = false;
      if (byte < 0x80) {
        ++at;
        space = ascii_[byte] == Ascii::kSpace;
        punctuation = ascii_[byte] == Ascii::kPunctuation;
      } else {
        const char32_t c = NextCharacter(text, &at);
        space = IsSpace(c);
        punctuation = IsOldPunctuation(c);
      }
      if (space || punctuation) {
        end_word(start);
        begin = start;
        if (punctuation) {
          end_word(at);
        }
        begin = at;
      }
    }
    end_word(text.size());
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
    if (word.size() <= options_.max_word_length) {
      return false;
    }
    size_t characters = 0;
    for (const char byte : word) {
      characters += (static_cast<unsigned char>(byte) & 0xC0U) != 0x80 ? 1 : 0;
    }
    return characters > options_.max_word_length;
  }

  TokenizerParts parts_;
  WordPieceOptions options_;
  std::vector<bool> never_encoded_;
  std::array<Ascii, 128> ascii_;
  std::array<char, 128> lower_;
  absl::flat_hash_map<absl::string_view, int64_t> words_;  // views of parts_.pieces
  PieceTree first_;                                        // pieces that a word starts with
  PieceTree rest_;                                         // pieces that continue a word, without their ##
  AddedTokens raw_;
  AddedTokens normalized_;
};

}  // namespace

std::unique_ptr<Tokenizer> MakeWordPiece(TokenizerParts parts, const WordPieceOptions& options) {
  return std::make_unique<WordPiece>(std::move(parts), options);
}

}  // namespace metaprompt
