#include "metaprompt/tokenizers/bert_words.h"

#include "metaprompt/tokenizers/unicode.h"

namespace metaprompt {
namespace {

// The blocks of Chinese characters in BERT's code. One block begins at 2B920 in the fast tokenizer, but at 2B820 in
// Google's code and in the slow tokenizer.
bool IsCjk(char32_t c) {
  return (c >= 0x4E00 && c <= 0x9FFF) || (c >= 0x3400 && c <= 0x4DBF) || (c >= 0x20000 && c <= 0x2A6DF) ||
         (c >= 0x2A700 && c <= 0x2B73F) || (c >= 0x2B740 && c <= 0x2B81F) || (c >= 0x2B920 && c <= 0x2CEAF) ||
         (c >= 0xF900 && c <= 0xFAFF) || (c >= 0x2F800 && c <= 0x2FA1F);
}

}  // namespace

BertWords::Ascii BertWords::AsciiKind(char32_t c) {
  if (c == '\t' || c == '\n' || c == '\r' || c == ' ') {
    return Ascii::kSpace;
  }
  if (c < ' ' || c == 0x7F) {
    return Ascii::kDropped;
  }
  return IsOldPunctuation(c) ? Ascii::kPunctuation : Ascii::kOther;
}

BertWords::BertWords(const WordPieceOptions& options) : options_(options) {
  for (size_t byte = 0; byte < ascii_.size(); ++byte) {
    ascii_[byte] = AsciiKind(static_cast<char32_t>(byte));
    lower_[byte] = static_cast<char>(options.lower_case && byte >= 'A' && byte <= 'Z' ? byte + ('a' - 'A') : byte);
  }
}

void BertWords::AppendNormalized(std::u16string* run, std::string* out) const {
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

std::string BertWords::Normalized(absl::string_view text) const {
  std::string out;
  out.reserve(text.size() + text.size() / 8);
  std::u16string run;  // characters that accents may follow
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

void BertWords::ForEach(absl::string_view text, absl::FunctionRef<void(absl::string_view)> take) const {
  size_t begin = 0;
  const auto end_word = [&](size_t end) {
    if (begin < end) {
      take(text.substr(begin, end - begin));
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

}  // namespace metaprompt
