// AnswerPaths: answers as sequences of tokens after texts. To score them, a causal model or a decoder must compute
// certain sequences, and some of its predictions are those of the answers' tokens.
#ifndef METAPROMPT_PROMPTS_ANSWER_PATHS_H_
#define METAPROMPT_PROMPTS_ANSWER_PATHS_H_

#include <ATen/core/Tensor.h>

#include <cstdint>

#include "metaprompt/model/model.pb.h"
#include "metaprompt/model/text_inputs.h"

namespace metaprompt {

// The B texts of a batch, with the answers of `ways` classes, of at most W tokens each. An input of the model is the
// context, a text and the tokens of an answer except the last one, which is only predicted. So answers of one token
// need no tokens after the text. An answer uses another answer's input if its own tokens, except the last one, are the
// beginning of that answer. In an encoder-decoder, an input is one of the decoder: it begins with Answers::start in
// place of context and text. All tensors are on the device of the texts.
struct AnswerPaths {
  TextInputs inputs;     // in the order of the texts; every text has the same number of inputs, 1 or more
  at::Tensor read_from;  // [K] int64, in [0, N): the tokens of `inputs` at which the next token is predicted
  at::Tensor read_to;    // [N] int64: each token's index in read_from; -1: it is not there
  at::Tensor last;       // [B] int64, in [0, K): the prediction after the last token of each text
  at::Tensor after;      // [B, ways, W] int64, in [0, K): the prediction of each token of each answer
  at::Tensor tokens;     // [B, ways, W] int64: the ids of these tokens
  at::Tensor weights;    // [B, ways, W]: 1 or, for MEAN, 1 / length of the answer; 0 after its end
};

// `texts` are the texts of `tasks` tasks with the same numbers of texts and classes. Unless their answers have a start,
// each text must be read at its last token (TORCH_CHECK). Copies the ids of texts and answers to the CPU. Takes O(N + B
// ways W) time and memory, and O(ways² W) time per task.
AnswerPaths PathsOf(const TextInputs& texts, int64_t tasks, SequenceSpec::Reduce reduce);

// The scores [B, ways] of the answers: sums or means of their tokens' log-probabilities. `logits` [K, V] are those of
// the next token at read_from. Differentiable any number of times.
at::Tensor AnswerScores(const AnswerPaths& paths, const at::Tensor& logits);

}  // namespace metaprompt

#endif  // METAPROMPT_PROMPTS_ANSWER_PATHS_H_
