// BertWords: splits a text into words, as BERT's tokenizer does before it splits words into pieces (Devlin et al.
// 2019).
#ifndef METAPROMPT_TOKENIZERS_BERT_WORDS_H_
#define METAPROMPT_TOKENIZERS_BERT_WORDS_H_

#include <array>
#include <cstddef>
#include <string>

#include "absl/functional/function_ref.h"
#include "absl/strings/string_view.h"

namespace metaprompt {

struct WordPieceOptions {
  bool lower_case = true;
  bool strip_accents = true;
  bool split_cjk = true;         // whether every Chinese character is a word
  size_t max_word_length = 100;  // in characters; a longer word is [UNK]
};

class BertWords {
 public:
  explicit BertWords(const WordPieceOptions& options);

  // Normalises valid UTF-8: removes control characters, replaces white space by spaces and, depending on the options,
  // puts spaces around Chinese characters and removes accents and upper case.
  std::string Normalized(absl::string_view text) const;

  // Calls `take` with each word of a normalised text. Words are separated by white space, and each punctuation mark is
  // a word.
  void ForEach(absl::string_view text, absl::FunctionRef<void(absl::string_view word)> take) const;

 private:
  enum class Ascii : char { kDropped, kSpace, kPunctuation, kOther };

  static Ascii AsciiKind(char32_t c);
  // Appends a run of characters that are not ASCII, normalised according to the options.
  void AppendNormalized(std::u16string* run, std::string* out) const;

  WordPieceOptions options_;
  std::array<Ascii, 128> ascii_;
  std::array<char, 128> lower_;
};

}  // namespace metaprompt

#endif  // METAPROMPT_TOKENIZERS_BERT_WORDS_H_
