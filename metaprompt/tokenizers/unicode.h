// Characters as the tokenizers of published checkpoints see them. The properties are ICU's (Unicode 15.0 in Debian 12).
// The Rust crates that `tokenizers` 0.19 uses have older tables, and a tokenizer has to agree with them. In their
// general categories (Unicode 8.0) and normal forms (9.0) a newer character is unassigned; the functions `Old...` treat
// it so, by its age. All 1,112,064 characters were compared one by one, for clean-up, accents, case, space,
// punctuation, letters and numbers: none differs.
#ifndef METAPROMPT_TOKENIZERS_UNICODE_H_
#define METAPROMPT_TOKENIZERS_UNICODE_H_

#include <string>

#include "absl/strings/string_view.h"

namespace metaprompt {

// Text as valid UTF-8: every maximal invalid part (Unicode 15.0, section 3.9) becomes U+FFFD, as in Python's
// decode(errors="replace"). Valid text is not copied, so `text` must outlive this.
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

// The character that starts at *at in valid UTF-8; moves *at past it.
char32_t NextCharacter(absl::string_view text, size_t* at);
// The one that ends before `at` > 0.
char32_t CharacterBefore(absl::string_view text, size_t at);
void AppendCharacter(char32_t c, std::string* text);
// The same of UTF-16, which ICU's normal forms are in.
char32_t NextCharacter(const std::u16string& text, size_t* at);
void AppendCharacter(char32_t c, std::u16string* text);

// Regular expressions' \s and \w.
bool IsSpace(char32_t c);
bool IsWordCharacter(char32_t c);
// Without its trailing \s, and without its leading ones.
absl::string_view WithoutTrailingSpace(absl::string_view text);
absl::string_view WithoutLeadingSpace(absl::string_view text);

// Categories L and N, in the Unicode 14.0 of the regular expressions that byte-level pre-tokenizers run.
bool IsLetter(char32_t c);
bool IsNumber(char32_t c);

// Categories Cc, Cf and Co; unassigned characters are not.
bool IsOldControl(char32_t c);
// ASCII's 32, and category P.
bool IsOldPunctuation(char32_t c);
// Canonical decomposition (NFD) without the marks of category Mn.
std::u16string OldWithoutAccents(const std::u16string& text);
// Canonical composition (NFC) of valid UTF-8.
std::string OldComposed(absl::string_view text);

// Python's str.isspace and str.isdigit.
bool IsPythonSpace(char32_t c);
bool IsDigit(char32_t c);
// Compatibility decomposition (NFKD) without the characters that have a combining class.
std::string CompatibleWithoutMarks(absl::string_view text);
// Lower case of a text in no particular language; a sigma at the end of a word becomes a final sigma.
std::string LowerText(absl::string_view text);
// Appends the lower case of one character, one or two characters, without regard to its neighbours.
void AppendLower(char32_t c, std::string* text);

}  // namespace metaprompt

#endif  // METAPROMPT_TOKENIZERS_UNICODE_H_
