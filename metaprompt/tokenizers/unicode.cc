#include "metaprompt/tokenizers/unicode.h"

#include <unicode/uchar.h>
#include <unicode/unorm2.h>
#include <unicode/ustring.h>
#include <unicode/utf16.h>
#include <unicode/utf8.h>

#include <algorithm>
#include <cstdint>
#include <cstring>

namespace metaprompt {
namespace {

constexpr int kCategoriesVersion = 8;   // of the unicode_categories crate
constexpr int kNormalFormsVersion = 9;  // of the unicode-normalization-alignments crate
constexpr int kRegexVersion = 14;       // of the Oniguruma library

bool Younger(char32_t c, int version) {
  UVersionInfo age;
  u_charAge(static_cast<UChar32>(c), age);
  return age[0] > version || (age[0] == version && age[1] > 0);
}

uint32_t Category(char32_t c) { return U_GET_GC_MASK(static_cast<UChar32>(c)); }

// Whether a character was in the categories `mask` in Unicode 8.0. Six characters have changed their category since
// then.
bool InOldCategory(char32_t c, uint32_t mask) {
  switch (c) {
    case 0x166D:   // So since 12.0
    case 0x111C9:  // Mn since 11.0
      return (mask & U_GC_PO_MASK) != 0;
    case 0x1734:  // Mc since 14.0
      return (mask & U_GC_MN_MASK) != 0;
    case 0x1885:  // Mn since 9.0
    case 0x1886:
      return (mask & U_GC_LO_MASK) != 0;
    case 0xA9BD:  // Mn since 11.0
      return (mask & U_GC_MC_MASK) != 0;
    default:
      return (Category(c) & mask) != 0 && !Younger(c, kCategoriesVersion);
  }
}

// The number of ASCII bytes before the first byte of `text` that is not ASCII.
size_t AsciiPrefix(absl::string_view text) {
  size_t at = 0;
  for (uint64_t eight = 0; at + 8 <= text.size(); at += 8) {
    std::memcpy(&eight, text.data() + at, 8);
    if ((eight & 0x8080808080808080U) != 0) {
      break;
    }
  }
  while (at < text.size() && static_cast<unsigned char>(text[at]) < 0x80) {
    ++at;
  }
  return at;
}

std::u16string ToUtf16(absl::string_view text) {
  std::u16string wide;
  wide.reserve(text.size());
  for (size_t at = 0; at < text.size();) {
    AppendCharacter(NextCharacter(text, &at), &wide);
  }
  return wide;
}

}  // namespace

Utf8Text::Utf8Text(absl::string_view text) : view_(text) {
  const auto* bytes = reinterpret_cast<const uint8_t*>(text.data());
  const auto size = static_cast<int64_t>(text.size());
  int64_t good = 0;  // number of bytes of `text` that have been copied, or need no copy
  bool repaired = false;
  for (int64_t at = 0; at < size;) {
    at += static_cast<int64_t>(AsciiPrefix(text.substr(static_cast<size_t>(at))));
    if (at == size) {
      break;
    }
    const int64_t start = at;
    UChar32 c = 0;
    U8_NEXT(bytes, at, size, c);
    if (c < 0) {
      repaired_.append(text.data() + good, static_cast<size_t>(start - good));
      repaired_.append("\xEF\xBF\xBD");
      good = at;
      repaired = true;
    }
  }
  if (repaired) {
    repaired_.append(text.data() + good, static_cast<size_t>(size - good));
    view_ = repaired_;
  }
}

char32_t NextCharacter(absl::string_view text, size_t* at) {
  const auto* bytes = reinterpret_cast<const uint8_t*>(text.data());
  UChar32 c = 0;
  U8_NEXT_OR_FFFD(bytes, *at, text.size(), c);
  return static_cast<char32_t>(c);
}

char32_t CharacterBefore(absl::string_view text, size_t at) {
  do {
    --at;
  } while (at > 0 && U8_IS_TRAIL(text[at]));
  return NextCharacter(text, &at);
}

void AppendCharacter(char32_t c, std::string* text) {
  char bytes[U8_MAX_LENGTH];
  size_t size = 0;
  U8_APPEND_UNSAFE(bytes, size, c);
  text->append(bytes, size);
}

char32_t NextCharacter(const std::u16string& text, size_t* at) {
  UChar32 c = 0;
  U16_NEXT(text.data(), *at, text.size(), c);
  return static_cast<char32_t>(c);
}

void AppendCharacter(char32_t c, std::u16string* text) {
  char16_t units[U16_MAX_LENGTH];
  size_t size = 0;
  U16_APPEND_UNSAFE(units, size, c);
  text->append(units, size);
}

bool IsSpace(char32_t c) { return u_isUWhiteSpace(static_cast<UChar32>(c)) != 0; }

bool IsWordCharacter(char32_t c) {
  const auto signed_c = static_cast<UChar32>(c);
  return u_isUAlphabetic(signed_c) != 0 || (Category(c) & (U_GC_M_MASK | U_GC_ND_MASK | U_GC_PC_MASK)) != 0 ||
         u_hasBinaryProperty(signed_c, UCHAR_JOIN_CONTROL) != 0;
}

absl::string_view WithoutTrailingSpace(absl::string_view text) {
  while (!text.empty()) {
    const char32_t last = CharacterBefore(text, text.size());
    if (!IsSpace(last)) {
      break;
    }
    text.remove_suffix(U8_LENGTH(last));
  }
  return text;
}

absl::string_view WithoutLeadingSpace(absl::string_view text) {
  for (size_t at = 0; !text.empty() && IsSpace(NextCharacter(text, &at)); at = 0) {
    text.remove_prefix(at);
  }
  return text;
}

bool IsLetter(char32_t c) { return (Category(c) & U_GC_L_MASK) != 0 && !Younger(c, kRegexVersion); }

bool IsNumber(char32_t c) { return (Category(c) & U_GC_N_MASK) != 0 && !Younger(c, kRegexVersion); }

bool IsOldControl(char32_t c) { return InOldCategory(c, U_GC_CC_MASK | U_GC_CF_MASK | U_GC_CO_MASK); }

bool IsOldPunctuation(char32_t c) {
  return c < 0x80 ? (c > ' ' && c < 0x7F && (Category(c) & (U_GC_L_MASK | U_GC_N_MASK)) == 0)
                  : InOldCategory(c, U_GC_P_MASK);
}

std::u16string OldWithoutAccents(const std::u16string& text) {
  UErrorCode error = U_ZERO_ERROR;
  const UNormalizer2* const nfd = unorm2_getNFDInstance(&error);
  std::u16string kept;
  kept.reserve(text.size());
  const auto append = [&kept](char32_t c) {
    if (!InOldCategory(c, U_GC_MN_MASK)) {
      AppendCharacter(c, &kept);
    }
  };
  std::u16string decomposed;
  // A character that is newer than the normal form is unchanged, and no mark is reordered across it.
  const auto flush = [&](size_t begin, size_t end) {
    if (begin == end) {
      return;
    }
    decomposed.resize(4 * (end - begin));  // the longest canonical decomposition has four units
    error = U_ZERO_ERROR;
    const int32_t size = unorm2_normalize(nfd, text.data() + begin, static_cast<int32_t>(end - begin),
                                          decomposed.data(), static_cast<int32_t>(decomposed.size()), &error);
    decomposed.resize(static_cast<size_t>(size));
    for (size_t at = 0; at < decomposed.size();) {
      append(NextCharacter(decomposed, &at));
    }
  };
  size_t begin = 0;
  for (size_t at = 0; at < text.size();) {
    const size_t start = at;
    const char32_t c = NextCharacter(text, &at);
    if (Younger(c, kNormalFormsVersion)) {
      flush(begin, start);
      append(c);
      begin = at;
    }
  }
  flush(begin, text.size());
  return kept;
}

std::string OldComposed(absl::string_view text) {
  if (std::all_of(text.begin(), text.end(), [](char byte) { return static_cast<unsigned char>(byte) < 0x80; })) {
    return std::string(text);
  }
  UErrorCode error = U_ZERO_ERROR;
  const UNormalizer2* const nfc = unorm2_getNFCInstance(&error);
  const std::u16string wide = ToUtf16(text);
  std::string result;
  std::u16string composed;
  // Newer characters are treated as in OldWithoutAccents.
  const auto flush = [&](size_t begin, size_t end) {
    if (begin == end) {
      return;
    }
    composed.resize(3 * (end - begin));  // the longest canonical composition has three units
    error = U_ZERO_ERROR;
    const int32_t size = unorm2_normalize(nfc, wide.data() + begin, static_cast<int32_t>(end - begin), composed.data(),
                                          static_cast<int32_t>(composed.size()), &error);
    composed.resize(static_cast<size_t>(size));
    for (size_t at = 0; at < composed.size();) {
      AppendCharacter(NextCharacter(composed, &at), &result);
    }
  };
  size_t begin = 0;
  for (size_t at = 0; at < wide.size();) {
    const size_t start = at;
    const char32_t c = NextCharacter(wide, &at);
    if (Younger(c, kNormalFormsVersion)) {
      flush(begin, start);
      AppendCharacter(c, &result);
      begin = at;
    }
  }
  flush(begin, wide.size());
  return result;
}

bool IsPythonSpace(char32_t c) { return (c >= 0x1C && c <= 0x1F) || IsSpace(c); }

bool IsDigit(char32_t c) {
  const int type = u_getIntPropertyValue(static_cast<UChar32>(c), UCHAR_NUMERIC_TYPE);
  return type == U_NT_DECIMAL || type == U_NT_DIGIT;
}

std::string CompatibleWithoutMarks(absl::string_view text) {
  UErrorCode error = U_ZERO_ERROR;
  const UNormalizer2* const nfkd = unorm2_getNFKDInstance(&error);
  const std::u16string wide = ToUtf16(text);
  std::u16string decomposed(2 * wide.size() + 16, u'\0');
  int32_t size = 0;
  do {  // the longest decomposition has eighteen units, but few have more than two
    decomposed.resize(std::max(decomposed.size(), static_cast<size_t>(size)));
    error = U_ZERO_ERROR;
    size = unorm2_normalize(nfkd, wide.data(), static_cast<int32_t>(wide.size()), decomposed.data(),
                            static_cast<int32_t>(decomposed.size()), &error);
  } while (error == U_BUFFER_OVERFLOW_ERROR);
  decomposed.resize(static_cast<size_t>(size));
  std::string kept;
  for (size_t at = 0; at < decomposed.size();) {
    const char32_t c = NextCharacter(decomposed, &at);
    if (u_getCombiningClass(static_cast<UChar32>(c)) == 0) {
      AppendCharacter(c, &kept);
    }
  }
  return kept;
}

std::string LowerText(absl::string_view text) {
  const std::u16string wide = ToUtf16(text);
  std::u16string lower(2 * wide.size() + 16, u'\0');  // one unit may become up to three
  UErrorCode error = U_ZERO_ERROR;
  int32_t size = 0;
  do {
    lower.resize(std::max(lower.size(), static_cast<size_t>(size)));
    error = U_ZERO_ERROR;
    size = u_strToLower(lower.data(), static_cast<int32_t>(lower.size()), wide.data(),
                        static_cast<int32_t>(wide.size()), "", &error);
  } while (error == U_BUFFER_OVERFLOW_ERROR);
  lower.resize(static_cast<size_t>(size));
  std::string narrow;
  for (size_t at = 0; at < lower.size();) {
    AppendCharacter(NextCharacter(lower, &at), &narrow);
  }
  return narrow;
}

void AppendLower(char32_t c, std::string* text) {
  if (c == 0x130) {  // the only character whose lower case is longer: i and a dot above
    text->append("i\xCC\x87");
  } else {
    AppendCharacter(static_cast<char32_t>(u_tolower(static_cast<UChar32>(c))), text);
  }
}

}  // namespace metaprompt
