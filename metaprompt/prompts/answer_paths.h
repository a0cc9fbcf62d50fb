// Answers as sequences of tokens behind texts: what a causal model must read to score them, and which of its
// predictions count.
#ifndef METAPROMPT_PROMPTS_ANSWER_PATHS_H_
#define METAPROMPT_PROMPTS_ANSWER_PATHS_H_

#include <ATen/core/Tensor.h>

#include <cstdint>

#include "metaprompt/model/model.pb.h"
#include "metaprompt/model/text_inputs.h"

namespace metaprompt {

// The B texts of a batch with answers of `ways` classes, of at most W tokens. The last token of an answer is predicted
// and never read, so answers of one token need nothing behind the text. An answer's tokens are read behind the context
// and the text. Answers that begin alike share an input. All tensors are on the device of the texts.
struct AnswerPaths {
  TextInputs inputs;     // one or more per text, equally many, in the order of the texts
  at::Tensor read_from;  // [K] int64: the tokens of `inputs` after which a token is predicted, in [0, N)
  at::Tensor read_to;    // [N] int64: for each token its index in read_from; -1: none
  at::Tensor last;       // [B] int64, in [0, K): the prediction after the text itself, without an answer
  at::Tensor after;      // [B, ways, W] int64, in [0, K): the prediction of each token of each answer
  at::Tensor tokens;     // [B, ways, W] int64: that token's id
  at::Tensor weights;    // [B, ways, W]: 1, for MEAN 1 / length of the answer; behind its end 0
};

// `texts` has `tasks` tasks with equally many texts and classes. Each text must be read at its last token
// (TORCH_CHECK). The ids of texts and answers are copied to the CPU. Takes O(N + B ways W) time and memory, and O(ways²
// W) time for each task.
AnswerPaths PathsOf(const TextInputs& texts, int64_t tasks, SequenceSpec::Reduce reduce);

// The scores [B, ways] from the logits [K, V] of the next token after read_from: sums or means of log-probabilities
// over all V tokens. Differentiable any number of times.
at::Tensor AnswerScores(const AnswerPaths& paths, const at::Tensor& logits);

}  // namespace metaprompt

#endif  // METAPROMPT_PROMPTS_ANSWER_PATHS_H_
