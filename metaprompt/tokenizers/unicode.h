// The properties of characters in the tokenizers of published checkpoints. They are computed by ICU (Unicode 15.0 in
// Debian 12), but must agree with the Rust crates that `tokenizers` 0.19 uses, which have older tables. In their
// general categories (Unicode 8.0) and normal forms (9.0), newer characters are unassigned. The functions `...Old...`
// treat characters in the same way, according to their age. All 1,112,064 characters were compared, for clean-up,
// accents, case, space, punctuation, letters and numbers, and none differs.
#ifndef METAPROMPT_TOKENIZERS_UNICODE_H_
#define METAPROMPT_TOKENIZERS_UNICODE_H_

#include <string>

#include "absl/strings/string_view.h"

namespace metaprompt {

// A text as valid UTF-8: every maximal invalid part (Unicode 15.0, section 3.9) is replaced by U+FFFD, as in Python's
// decode(errors="replace"). Valid text is not copied, so `text` must outlive this object.
class Utf8Text {
 public:
  explicit Utf8Text(absl::string_view text);
  Utf8Text(const Utf8Text&) = delete;
  Utf8Text& operator=(const Utf8Text&) = delete;
  absl::string_view view() const { return view_; }

 private:
  std::string repaired_;
  absl::string_view view_;
};

// Returns the character that starts at *at in valid UTF-8, and moves *at past it.
char32_t NextCharacter(absl::string_view text, size_t* at);
// The character that ends before `at` > 0.
char32_t CharacterBefore(absl::string_view text, size_t at);
void AppendCharacter(char32_t c, std::string* text);
// The same for UTF-16, which ICU's normal forms use.
char32_t NextCharacter(const std::u16string& text, size_t* at);
void AppendCharacter(char32_t c, std::u16string* text);

// Regular expressions' \s and \w.
bool IsSpace(char32_t c);
bool IsWordCharacter(char32_t c);
// `text` without trailing \s, or without leading \s.
absl::string_view WithoutTrailingSpace(absl::string_view text);
absl::string_view WithoutLeadingSpace(absl::string_view text);

// Categories L and N in Unicode 14.0, the version of the regular expressions in byte-level pre-tokenizers.
bool IsLetter(char32_t c);
bool IsNumber(char32_t c);

// Categories Cc, Cf and Co, without unassigned characters.
bool IsOldControl(char32_t c);
// The 32 punctuation marks and symbols of ASCII, and category P.
bool IsOldPunctuation(char32_t c);
// Canonical decomposition (NFD) without the marks of category Mn.
std::u16string OldWithoutAccents(const std::u16string& text);
// Canonical composition (NFC) of valid UTF-8.
std::string OldComposed(absl::string_view text);

// Python's str.isspace and str.isdigit.
bool IsPythonSpace(char32_t c);
bool IsDigit(char32_t c);
// Compatibility decomposition (NFKD) without the characters whose combining class is not 0.
std::string CompatibleWithoutMarks(absl::string_view text);
// The lower case of a text, independent of its language. A sigma at the end of a word becomes a final sigma.
std::string LowerText(absl::string_view text);
// Appends the lower case of a character, which is one or two characters, independent of its neighbours.
void AppendLower(char32_t c, std::string* text);

}  // namespace metaprompt

#endif  // METAPROMPT_TOKENIZERS_UNICODE_H_
