// The `encode` command: runs lines of text through a checkpoint's encoder, so that its outputs can be compared with
// those of other programs.
#ifndef EXPERIMENTS_COMMANDS_ENCODE_H_
#define EXPERIMENTS_COMMANDS_ENCODE_H_

#include <atomic>
#include <istream>
#include <string>

#include "absl/status/status.h"
#include "experiments/host/progress.h"

namespace metaprompt {

struct EncodeOptions {
  std::string text;          // the file with the lines, which is not replaced
  std::string encoder;       // the checkpoint's folder
  std::string out;           // a safetensors file
  bool mask_logits = false;  // write logits at the mask, or of a causal model's next token, and no states
  int max_tokens = 0;        // longest line in tokens, special ones included; 0: as the encoder allows
  bool allow_unknown = false;
  bool bfloat16 = false;  // whether the encoder's matrix products are in bfloat16
  int threads = 1;
};

// Encodes each line of `in`, which is called `name` in errors, as transformers does: adds special tokens around the
// line (none for most causal models), and recognises special tokens in the text of the line. A line longer than
// max_tokens is cut at its end (transformers cuts at the tokenizer's model_max_length). Bytes that are not UTF-8, a
// max_tokens above what the encoder takes, a line without a token, and outputs that are not finite are errors. Writes,
// in the order of the lines,
//   input_ids [N] int64: the tokens of all lines, one line after another;
//   offsets [B + 1] int64: where each line begins in input_ids, and N;
// and either
//   states [N, D] float32: the last hidden states, or
//   logits [B, V] float32: the masked-language-model logits at the mask; each line must have exactly one. For a
//     causal model, the logits of the token that follows the line.
// The numbers of a line depend on the other lines only by rounding. Memory: the ids of all lines, and the output rows
// of a few thousand lines. The file appears only when it is complete. It may not be the text file or one of the
// checkpoint's files.
absl::Status EncodeLines(const EncodeOptions& options, std::istream* in, const std::string& name, Progress* progress,
                         const std::atomic<bool>& stop);

}  // namespace metaprompt

#endif  // EXPERIMENTS_COMMANDS_ENCODE_H_
