#include "metaprompt/base/text.h"

#include <unicode/uchar.h>
#include <unicode/utf8.h>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"

namespace metaprompt {
namespace {

// The character at *at, or a negative number if the bytes there are not valid UTF-8 (RFC 3629). Moves *at past it.
UChar32 NextCharacter(absl::string_view text, size_t* at) {
  const auto* const bytes = reinterpret_cast<const uint8_t*>(text.data());
  const size_t size = text.size();
  UChar32 c = 0;
  U8_NEXT(bytes, *at, size, c);
  return c;
}

// ASCII's control characters and the C1 controls, some of which a terminal executes like an escape sequence.
bool IsControl(UChar32 c) { return (c >= 0 && c < 0x20) || (c >= 0x7f && c < 0xa0); }

size_t CharacterWidth(UChar32 c) {
  if (c < 0) {
    return 1;  // terminals draw a replacement character
  }
  constexpr uint32_t kNoWidth = U_GC_MN_MASK | U_GC_ME_MASK | U_GC_CC_MASK;
  const int hangul = u_getIntPropertyValue(c, UCHAR_HANGUL_SYLLABLE_TYPE);
  if ((U_GET_GC_MASK(c) & kNoWidth) != 0 || u_hasBinaryProperty(c, UCHAR_DEFAULT_IGNORABLE_CODE_POINT) != 0 ||
      hangul == U_HST_VOWEL_JAMO || hangul == U_HST_TRAILING_JAMO) {
    return 0;
  }
  const int width = u_getIntPropertyValue(c, UCHAR_EAST_ASIAN_WIDTH);
  return width == U_EA_WIDE || width == U_EA_FULLWIDTH ? 2 : 1;
}

}  // namespace

absl::Status CheckUtf8(absl::string_view text) {
  for (size_t at = 0; at < text.size();) {
    const size_t begin = at;
    if (NextCharacter(text, &at) < 0) {
      return absl::InvalidArgumentError(absl::StrCat("not valid UTF-8 at byte ", begin + 1));
    }
  }
  return absl::OkStatus();
}

bool IsPrintable(absl::string_view text) {
  for (size_t at = 0; at < text.size();) {
    if (const UChar32 c = NextCharacter(text, &at); c < 0 || IsControl(c)) {
      return false;
    }
  }
  return true;
}

std::string OneLine(absl::string_view text) {
  const bool utf8 = CheckUtf8(text).ok();
  std::string line;
  for (size_t at = 0; at < text.size();) {
    const size_t begin = at;
    const UChar32 c = utf8 ? NextCharacter(text, &at) : static_cast<unsigned char>(text[at++]);
    const absl::string_view bytes = text.substr(begin, at - begin);
    absl::StrAppend(&line, c >= 0x80 && !utf8 ? "?" : IsControl(c) ? " " : bytes);
  }
  return line;
}

size_t DisplayWidth(absl::string_view text) {
  size_t width = 0;
  for (size_t at = 0; at < text.size();) {
    width += CharacterWidth(NextCharacter(text, &at));
  }
  return width;
}

std::string Padded(absl::string_view text, size_t width, Align align) {
  const size_t own_width = DisplayWidth(text);
  const std::string blanks(width > own_width ? width - own_width : 0, ' ');
  return align == Align::kLeft ? absl::StrCat(text, blanks) : absl::StrCat(blanks, text);
}

std::string Quoted(absl::string_view text) {
  constexpr size_t kMost = 40;
  std::string quoted = "'";
  size_t at = 0;
  for (size_t count = 0; count < kMost && at < text.size(); ++count) {
    const size_t begin = at;
    const UChar32 c = NextCharacter(text, &at);
    const absl::string_view bytes = text.substr(begin, at - begin);
    if (c < 0x80) {  // ASCII, or not UTF-8
      absl::StrAppend(&quoted, absl::CHexEscape(bytes));
    } else if (u_isgraph(c) != 0) {
      absl::StrAppend(&quoted, bytes);
    } else {
      absl::StrAppendFormat(&quoted, "\\u{%x}", c);
    }
  }
  absl::StrAppend(&quoted, at < text.size() ? "...'" : "'");
  return quoted;
}

}  // namespace metaprompt
