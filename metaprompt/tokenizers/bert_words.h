// The words of a text as BERT's tokenizer sees them, before it cuts them into pieces (Devlin et al. 2019).
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
  bool split_cjk = true;         // Chinese characters are words
  size_t max_word_length = 100;  // in characters; a longer word is [UNK]
};

class BertWords {
 public:
  explicit BertWords(const WordPieceOptions& options);

  // Valid UTF-8 without control characters: white space becomes spaces, Chinese characters stand between spaces, and
  // accents and upper case are removed if the options require it.
  std::string Normalized(absl::string_view text) const;

  // Calls `take` with each word of normalized text. Words end at white space; each punctuation mark is a word.
  void ForEach(absl::string_view text, absl::FunctionRef<void(absl::string_view word)> take) const;

 private:
  enum class Ascii : char { kDropped, kSpace, kPunctuation, kOther };

  static Ascii AsciiKind(char32_t c);
  // Appends characters that are not ASCII, normalized as the options require.
  void AppendNormalized(std::u16string* run, std::string* out) const;

  WordPieceOptions options_;
  std::array<Ascii, 128> ascii_;
  std::array<char, 128> lower_;
};

}  // namespace metaprompt

#endif  // METAPROMPT_TOKENIZERS_BERT_WORDS_H_
