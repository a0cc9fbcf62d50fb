// Lines of text as ids.
#ifndef EXPERIMENTS_COMMANDS_TOKENIZE_H_
#define EXPERIMENTS_COMMANDS_TOKENIZE_H_

#include <istream>
#include <ostream>
#include <string>

#include "absl/status/status.h"

namespace metaprompt {

struct TokenizeOptions {
  std::string encoder;         // the checkpoint's folder
  std::string file;            // of the texts; empty: `in`
  bool special_tokens = true;  // [CLS] before each text and [SEP] after it
  bool plain_text = false;     // special tokens that a text spells are text
  bool pieces = false;         // instead of ids
};

// A line of `out` for each line of the texts. A line ends at \n alone, and the last one may lack it; its bytes are the
// text, whatever they are.
absl::Status TokenizeLines(const TokenizeOptions& options, std::istream* in, std::ostream* out);

}  // namespace metaprompt

#endif  // EXPERIMENTS_COMMANDS_TOKENIZE_H_
