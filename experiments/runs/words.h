// Splits a text into words, for counting.
#ifndef EXPERIMENTS_RUNS_WORDS_H_
#define EXPERIMENTS_RUNS_WORDS_H_

#include <string>
#include <vector>

#include "absl/strings/string_view.h"

namespace metaprompt {

// The runs of letters and digits of a UTF-8 text, in lower case, in order. Everything else separates words.
std::vector<std::string> WordsOf(absl::string_view text);

}  // namespace metaprompt

#endif  // EXPERIMENTS_RUNS_WORDS_H_
