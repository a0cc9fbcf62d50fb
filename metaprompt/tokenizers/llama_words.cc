#include "metaprompt/tokenizers/llama_words.h"

#include "metaprompt/tokenizers/unicode.h"

namespace metaprompt {
namespace {

enum class Kind : char { kSpace, kLineEnd, kLetter, kNumber, kOther };

// A character of the text.
struct Character {
  Kind kind = Kind::kOther;
  char32_t code = 0;
  size_t end = 0;  // where the next character starts
};

Character At(absl::string_view text, size_t at) {
  Character c;
  c.end = at;
  c.code = NextCharacter(text, &c.end);
  c.kind = c.code == '\r' || c.code == '\n' ? Kind::kLineEnd
           : IsSpace(c.code)                ? Kind::kSpace
           : IsLetter(c.code)               ? Kind::kLetter
           : IsNumber(c.code)               ? Kind::kNumber
                                            : Kind::kOther;
  return c;
}

bool IsBlank(const Character& c) { return c.kind == Kind::kSpace || c.kind == Kind::kLineEnd; }

// The end of the run of characters of this kind from `at` on.
size_t RunEnd(absl::string_view text, size_t at, Kind kind) {
  while (at < text.size()) {
    const Character c = At(text, at);
    if (c.kind != kind) {
      break;
    }
    at = c.end;
  }
  return at;
}

// The end of a contraction ('s|'t|'re|'ve|'m|'ll|'d in upper or lower case) at `begin`; 0 if there is none.
size_t ContractionEnd(absl::string_view text, size_t begin) {
  if (text[begin] != '\'' || begin + 1 == text.size()) {
    return 0;
  }
  const auto lower = [](char32_t code) {
    return code == 0x17F ? U's' : code >= 'A' && code <= 'Z' ? code + ('a' - 'A') : code;  // U+017F is a long s
  };
  const Character first = At(text, begin + 1);
  const char32_t a = lower(first.code);
  if (a == 's' || a == 't' || a == 'm' || a == 'd') {
    return first.end;
  }
  if (first.end == text.size()) {
    return 0;
  }
  const Character second = At(text, first.end);
  const char32_t b = lower(second.code);
  return ((a == 'r' || a == 'v') && b == 'e') || (a == 'l' && b == 'l') ? second.end : 0;
}

// The end of a match of \s*[\r\n]+|\s+(?!\S)|\s+ at a blank: after the last line end or, if there is none, before the
// last blank, which belongs to the next word.
size_t BlanksEnd(absl::string_view text, size_t begin) {
  size_t line_end = 0;
  size_t last = begin;
  size_t at = begin;
  while (at < text.size()) {
    const Character c = At(text, at);
    if (!IsBlank(c)) {
      break;
    }
    last = at;
    at = c.end;
    line_end = c.kind == Kind::kLineEnd ? at : line_end;
  }
  return line_end > 0 ? line_end : at == text.size() || last == begin ? at : last;
}

}  // namespace

const char kLlama3Pattern[] =
    R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)";
const char kQwen2Pattern[] =
    R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)";

size_t LlamaWordEnd(absl::string_view text, size_t begin, int digits) {
  if (const size_t contraction = ContractionEnd(text, begin); contraction > 0) {
    return contraction;
  }
  const Character first = At(text, begin);
  if (first.kind == Kind::kLetter) {
    return RunEnd(text, first.end, Kind::kLetter);
  }
  if (first.kind == Kind::kNumber) {
    size_t end = first.end;
    for (int i = 1; i < digits && end < text.size() && At(text, end).kind == Kind::kNumber; ++i) {
      end = At(text, end).end;
    }
    return end;
  }
  const bool more = first.end < text.size();
  const Kind second = more ? At(text, first.end).kind : Kind::kLineEnd;
  if (first.kind != Kind::kLineEnd && second == Kind::kLetter) {
    return RunEnd(text, first.end, Kind::kLetter);  // one other character before the letters
  }
  if (first.kind == Kind::kOther || (first.code == ' ' && second == Kind::kOther)) {
    return RunEnd(text, RunEnd(text, first.end, Kind::kOther), Kind::kLineEnd);
  }
  return BlanksEnd(text, begin);
}

}  // namespace metaprompt
