// The `tokenize` command: prints lines of text as token ids.
#ifndef EXPERIMENTS_COMMANDS_TOKENIZE_H_
#define EXPERIMENTS_COMMANDS_TOKENIZE_H_

#include <istream>
#include <ostream>
#include <string>

#include "absl/status/status.h"

namespace metaprompt {

struct TokenizeOptions {
  std::string encoder;         // the checkpoint's folder
  bool special_tokens = true;  // [CLS] before each text and [SEP] after it
  bool plain_text = false;     // special tokens that a text spells out are plain text
  bool pieces = false;         // print pieces instead of ids
};

// Writes one line of `out` per line of `in`, which is called `name` in errors. Only \n ends a line, and the last line
// may lack it; all other bytes are part of the text.
absl::Status TokenizeLines(const TokenizeOptions& options, std::istream* in, const std::string& name,
                           std::ostream* out);

}  // namespace metaprompt

#endif  // EXPERIMENTS_COMMANDS_TOKENIZE_H_
