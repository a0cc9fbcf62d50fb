#include "metaprompt/tokenizers/byte_bpe.h"

#include <algorithm>
#include <array>
#include <cstdint>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/str_cat.h"
#include "metaprompt/base/status_macros.h"
#include "metaprompt/base/text.h"
#include "metaprompt/tokenizers/llama_words.h"
#include "metaprompt/tokenizers/unicode.h"

namespace metaprompt {
namespace {

// GPT-2's character for each byte: the Latin-1 character with this number if it is visible, and characters from U+0100
// on for the other bytes.
std::array<char32_t, 256> ByteCharacters() {
  std::array<char32_t, 256> characters;
  char32_t next = 0x100;
  for (unsigned byte = 0; byte < 256; ++byte) {
    const bool seen = (byte >= '!' && byte <= '~') || (byte >= 0xA1 && byte != 0xAD);
    characters[byte] = seen ? byte : next++;
  }
  return characters;
}

// The length of a contraction ('s|'t|'re|'ve|'m|'ll|'d) at the start of `text`; 0 if there is none.
size_t ContractionLength(absl::string_view text) {
  if (text.size() < 2 || text[0] != '\'') {
    return 0;
  }
  const char first = text[1];
  if (first == 's' || first == 't' || first == 'm' || first == 'd') {
    return 2;
  }
  const char second = text.size() > 2 ? text[2] : '\0';
  return ((first == 'r' || first == 'v') && second == 'e') || (first == 'l' && second == 'l') ? 3 : 0;
}

enum class Kind : char { kSpace, kLetter, kNumber, kOther };

Kind KindOf(char32_t c) {
  if (IsSpace(c)) {
    return Kind::kSpace;
  }
  return IsLetter(c) ? Kind::kLetter : IsNumber(c) ? Kind::kNumber : Kind::kOther;
}

// Splits a text by the pattern
//   's|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+
class WordScanner {
 public:
  WordScanner() {
    for (size_t byte = 0; byte < ascii_.size(); ++byte) {
      ascii_[byte] = KindOf(static_cast<char32_t>(byte));
    }
  }

  // The end of the word that starts at `begin` < text.size().
  size_t WordEnd(absl::string_view text, size_t begin) const {
    if (const size_t contraction = ContractionLength(text.substr(begin)); contraction > 0) {
      return begin + contraction;
    }
    size_t at = begin;
    Kind kind = Next(text, &at);
    if (text[begin] == ' ' && at < text.size()) {
      size_t second = at;
      if (const Kind after = Next(text, &second); after != Kind::kSpace) {
        kind = after;
        at = second;
      }
    }
    size_t last = begin;  // where the last character of the run starts
    while (at < text.size()) {
      size_t next = at;
      if (Next(text, &next) != kind) {
        // The last white-space character belongs to the word after it, unless it is the only one.
        return kind == Kind::kSpace && last > begin ? last : at;
      }
      last = at;
      at = next;
    }
    return at;
  }

 private:
  Kind Next(absl::string_view text, size_t* at) const {
    const auto byte = static_cast<unsigned char>(text[*at]);
    if (byte < 0x80) {
      ++*at;
      return ascii_[byte];
    }
    return KindOf(NextCharacter(text, at));
  }

  std::array<Kind, 128> ascii_;
};

struct Merge {
  uint32_t rank = 0;
  int32_t merged = -1;
};

// Memory for merging a word, which is reused for the next word.
struct Scratch {
  struct Symbol {
    int32_t id = -1;  // -1: merged into the previous symbol
    int32_t previous = -1;
    int32_t next = -1;
  };
  struct Candidate {
    uint32_t rank = 0;
    int32_t at = 0;
    int32_t merged = -1;
    // std::push_heap puts the greatest candidate first. This must be the one with the least rank, and of these the
    // leftmost.
    bool operator<(const Candidate& other) const { return rank != other.rank ? rank > other.rank : at > other.at; }
  };
  std::vector<Symbol> symbols;
  std::vector<Candidate> heap;
};

class ByteBpe : public Tokenizer {
 public:
  ByteBpe(TokenizerParts parts, const ByteBpeOptions& options)
      : parts_(std::move(parts)), options_(options), never_encoded_(NeverEncoded(parts_)) {
    std::vector<AddedToken> raw;
    std::vector<AddedToken> normalized;
    std::vector<AddedToken> raw_words;
    std::vector<AddedToken> normalized_words;
    for (const AddedToken& token : parts_.added) {
      (token.normalized ? normalized : raw).push_back(token);
      if (options_.added_words && !token.special) {
        (token.normalized ? normalized_words : raw_words).push_back(token);
      }
    }
    all_added_ = {AddedTokens(std::move(raw)), AddedTokens(std::move(normalized))};
    added_words_ = {AddedTokens(std::move(raw_words)), AddedTokens(std::move(normalized_words))};
  }

  absl::Status AddMerges(const BpeMerges& merges, absl::string_view name, size_t first_line) {
    absl::flat_hash_map<absl::string_view, int32_t> ids;
    for (size_t i = 0; i < parts_.model_pieces; ++i) {
      ids.emplace(parts_.pieces[i], static_cast<int32_t>(i));
    }
    const std::array<char32_t, 256> characters = ByteCharacters();
    absl::flat_hash_map<char32_t, char> bytes;
    for (size_t byte = 0; byte < 256; ++byte) {
      std::string piece;
      AppendCharacter(characters[byte], &piece);
      const auto found = ids.find(piece);
      byte_ids_[byte] = found == ids.end() ? -1 : found->second;
      bytes.emplace(characters[byte], static_cast<char>(byte));
    }
    merges_.reserve(merges.size());
    for (size_t i = 0; i < merges.size(); ++i) {
      const auto& [left, right] = merges[i];
      const std::string whole = left + right;
      std::array<int32_t, 3> found = {};
      for (size_t k = 0; k < 3; ++k) {
        const std::string& piece = k == 0 ? left : k == 1 ? right : whole;
        const auto id = ids.find(piece);
        if (id == ids.end()) {
          return absl::InvalidArgumentError(absl::StrCat(name, ":", first_line + i, ": ", Quoted(piece),
                                                         k < 2 ? "" : ", which it makes,",
                                                         " is not in the vocabulary"));
        }
        found[k] = id->second;
      }
      if (!merges_.emplace(Pair(found[0], found[1]), Merge{static_cast<uint32_t>(i), found[2]}).second) {
        return absl::InvalidArgumentError(
            absl::StrCat(name, ":", first_line + i, ": ", Quoted(left), " and ", Quoted(right), " are merged twice"));
      }
    }
    AddWholeWords(bytes);
    return absl::OkStatus();
  }

  int64_t vocab_size() const override { return static_cast<int64_t>(parts_.pieces.size()); }
  SpecialIds special() const override { return parts_.special; }
  const TokenizerFiles& files() const override { return parts_.files; }
  std::string Piece(int64_t id) const override { return parts_.pieces[static_cast<size_t>(id)]; }

  std::vector<int64_t> Encode(absl::string_view text) const override {
    return EncodeWith(added_words_, text, [this](int32_t id) { return !never_encoded_[static_cast<size_t>(id)]; });
  }

  std::vector<int64_t> EncodeWithSpecial(absl::string_view text) const override {
    return EncodeWith(all_added_, text, [](int32_t /*id*/) { return true; });
  }

 private:
  // Added tokens that are searched for in the text itself, and in its normal form.
  struct Added {
    AddedTokens raw;
    AddedTokens normalized;
  };

  // Appends the ids of the tokens in the text, and calls `take` with the text between them, in order.
  template <typename Take>
  static void ForEachPart(const AddedTokens& tokens, absl::string_view text, std::vector<int64_t>* ids,
                          const Take& take) {
    if (tokens.empty()) {
      return take(text);
    }
    for (const TextPart& part : tokens.Split(text)) {
      if (part.id >= 0) {
        ids->push_back(part.id);
      } else {
        take(part.text);
      }
    }
  }

  template <typename Allowed>
  std::vector<int64_t> EncodeWith(const Added& added, absl::string_view text, const Allowed& allowed) const {
    Scratch scratch;
    std::vector<int64_t> ids;
    const Utf8Text valid(text);
    ForEachPart(added.raw, valid.view(), &ids, [&](absl::string_view outer) {
      const std::string composed = options_.compose ? OldComposed(outer) : std::string();
      ForEachPart(added.normalized, options_.compose ? composed : outer, &ids,
                  [&](absl::string_view part) { AppendText(part, allowed, &scratch, &ids); });
    });
    return ids;
  }

  static uint64_t Pair(int32_t left, int32_t right) {
    return static_cast<uint64_t>(left) << 32U | static_cast<uint32_t>(right);
  }

  // Most words of a text are a single piece. The words that are merged into one piece are stored, so that they need no
  // merging.
  void AddWholeWords(const absl::flat_hash_map<char32_t, char>& bytes) {
    Scratch scratch;
    for (size_t i = 0; i < parts_.model_pieces; ++i) {
      const absl::string_view piece = parts_.pieces[i];
      std::string word;
      bool spelled = !never_encoded_[i];
      for (size_t at = 0; spelled && at < piece.size();) {
        const auto byte = bytes.find(NextCharacter(piece, &at));
        spelled = byte != bytes.end();
        if (spelled) {
          word.push_back(byte->second);
        }
      }
      std::vector<int64_t> ids;
      if (spelled && options_.ignore_merges) {
        words_.emplace(std::move(word), static_cast<int64_t>(i));
      } else if (spelled) {
        AppendMerged(word, [](int32_t /*id*/) { return true; }, &scratch, &ids);
        if (ids.size() == 1 && ids[0] == static_cast<int64_t>(i)) {
          words_.emplace(std::move(word), ids[0]);
        }
      }
    }
  }

  template <typename Allowed>
  void AppendText(absl::string_view text, const Allowed& allowed, Scratch* scratch, std::vector<int64_t>* ids) const {
    std::string with_space;
    if (options_.add_prefix_space && !text.empty() && text[0] != ' ') {
      with_space = absl::StrCat(" ", text);
      text = with_space;
    }
    for (size_t at = 0; at < text.size();) {
      const size_t end =
          options_.llama_digits > 0 ? LlamaWordEnd(text, at, options_.llama_digits) : scanner_.WordEnd(text, at);
      const absl::string_view word = text.substr(at, end - at);
      if (const auto whole = words_.find(word); whole != words_.end()) {
        ids->push_back(whole->second);
      } else {
        AppendMerged(word, allowed, scratch, ids);
      }
      at = end;
    }
  }

  // Appends the ids of a word. Takes O(n log n) time for n bytes.
  template <typename Allowed>
  void AppendMerged(absl::string_view word, const Allowed& allowed, Scratch* scratch, std::vector<int64_t>* ids) const {
    std::vector<Scratch::Symbol>& symbols = scratch->symbols;
    std::vector<Scratch::Candidate>& heap = scratch->heap;
    symbols.clear();
    heap.clear();
    for (const char byte : word) {
      const int32_t id = byte_ids_[static_cast<unsigned char>(byte)];
      if (id >= 0 && allowed(id)) {
        const auto at = static_cast<int32_t>(symbols.size());
        symbols.push_back({id, at - 1, at + 1});
      }
    }
    if (symbols.empty()) {
      return;
    }
    symbols.back().next = -1;
    // The merge of the symbol at `at` with the next one.
    const auto merge_at = [&](int32_t at) {
      const Scratch::Symbol& left = symbols[static_cast<size_t>(at)];
      if (left.id < 0 || left.next < 0) {
        return Merge();
      }
      const auto found = merges_.find(Pair(left.id, symbols[static_cast<size_t>(left.next)].id));
      return found == merges_.end() || !allowed(found->second.merged) ? Merge() : found->second;
    };
    const auto propose = [&](int32_t at) {
      if (const Merge merge = merge_at(at); merge.merged >= 0) {
        heap.push_back({merge.rank, at, merge.merged});
        std::push_heap(heap.begin(), heap.end());
      }
    };
    for (size_t i = 0; i + 1 < symbols.size(); ++i) {
      propose(static_cast<int32_t>(i));
    }
    while (!heap.empty()) {
      std::pop_heap(heap.begin(), heap.end());
      const Scratch::Candidate best = heap.back();
      heap.pop_back();
      if (merge_at(best.at).merged != best.merged) {
        continue;  // one of its symbols has been merged with another in the meantime
      }
      Scratch::Symbol& left = symbols[static_cast<size_t>(best.at)];
      Scratch::Symbol& right = symbols[static_cast<size_t>(left.next)];
      left.id = best.merged;
      left.next = right.next;
      right.id = -1;
      if (left.next >= 0) {
        symbols[static_cast<size_t>(left.next)].previous = best.at;
        propose(best.at);
      }
      if (left.previous >= 0) {
        propose(left.previous);
      }
    }
    for (int32_t at = 0; at >= 0; at = symbols[static_cast<size_t>(at)].next) {
      ids->push_back(symbols[static_cast<size_t>(at)].id);
    }
  }

  TokenizerParts parts_;
  ByteBpeOptions options_;
  std::vector<bool> never_encoded_;
  WordScanner scanner_;
  std::array<int32_t, 256> byte_ids_ = {};
  absl::flat_hash_map<uint64_t, Merge> merges_;
  absl::flat_hash_map<std::string, int64_t> words_;  // from a word's bytes to its piece
  Added all_added_;
  Added added_words_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<Tokenizer>> MakeByteBpe(TokenizerParts parts, const BpeMerges& merges,
                                                       const ByteBpeOptions& options, absl::string_view name,
                                                       size_t first_line) {
  auto tokenizer = std::make_unique<ByteBpe>(std::move(parts), options);
  RETURN_IF_ERROR(tokenizer->AddMerges(merges, name, first_line));
  return tokenizer;
}

}  // namespace metaprompt
