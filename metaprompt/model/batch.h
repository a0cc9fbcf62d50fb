// Texts as tensors, packed: the tokens of all texts stand one after another, without padding between them.
#ifndef METAPROMPT_MODEL_BATCH_H_
#define METAPROMPT_MODEL_BATCH_H_

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <vector>

#include "absl/types/span.h"

namespace metaprompt {

// The answer words of a task's classes. Ids are indices into the episode's rows.
struct Answers {
  at::Tensor ids;      // [ways, words] int64; unused places repeat an id and weigh 0
  at::Tensor weights;  // [ways, words]; every row sums to 1
};

enum class LowerRow { kToken, kText, kRow, kOther };

// B texts of N tokens together, the longest of T. With `tasks` M > 1 they are those of M tasks, as many of each, task
// by task: the soft vectors of task t have the ids rows + t S + s, and row t ways + w of `answers` is class w of task
// t. Rows are in the tasks' order too, as many of each.
struct Batch {
  int64_t tasks = 1;          // M
  int64_t size = 0;           // B
  int64_t longest = 0;        // T
  at::Tensor token_ids;       // [N] int64: index into the episode's rows; rows + s is soft vector s
  at::Tensor positions;       // [N] int64: place in its text, from 0; -1 for what is not counted
  at::Tensor spans;           // [B, 2] int64: each text's first token and how many it has; always in the CPU's memory
  at::Tensor padded_from;     // [B*T] int64: which token stands there; -1 is padding
  at::Tensor packed_from;     // [N] int64: where in [B*T] the token stands
  at::Tensor mask_from;       // [B] int64: which token is text b's mask
  at::Tensor mask_to;         // [N] int64: of which text it is the mask; -1: it is none
  at::Tensor attention_bias;  // [B, 1, 1, T]: 0 for a token, -inf for padding
  at::Tensor repeats;         // [R] int64: whose features row r of the model's output is; undefined: R = B, each once
  at::Tensor labels;          // [R] int64 in [0, ways)
  Answers answers;
  int lowered = 0;                   // what Model::Lowered did; 0: nothing
  std::vector<at::Tensor> lower;     // and what came of it: functions of parameters
  std::vector<LowerRow> lower_rows;  // of each of these, what a row is of
};

// A text with its prompt, ready to be a batch's row.
struct PromptedText {
  std::vector<int64_t> ids;  // as Batch::token_ids
  int64_t mask = 0;          // place of the mask
  int64_t text_begin = 0;    // where in ids the text itself stands
  int64_t text_end = 0;
  int64_t uncounted = -1;  // an id that takes no position of its own: its tokens are at -1 (RoBERTa's padding)
};

// R: rows of what a model makes of the batch, and labels.
int64_t RowsOf(const Batch& batch);

// Packs texts. `dtype` is that of the floating-point tensors. Row r is text repeats[r], computed once however often it
// stands there; empty: each text once, in order. As many labels as rows.
Batch PackBatch(absl::Span<const PromptedText> texts, absl::Span<const int64_t> labels, const Answers& answers,
                at::ScalarType dtype, absl::Span<const int64_t> repeats = {});

// The rows of those numbers, in that order, as a batch: what PackBatch makes of their texts, with the same answers. A
// text of several of the rows is there once, and `repeats` says so. 0 <= number < RowsOf(batch); one task. A lowered
// batch's are lowered as it is. Costs as much as the texts selected and, on a device, some copies of indices to and
// fro.
Batch SelectTexts(const Batch& batch, absl::Span<const int64_t> rows);

// The same batch in a device's memory; on the CPU, the batch itself.
Batch OnDevice(Batch batch, at::Device device);

}  // namespace metaprompt

#endif  // METAPROMPT_MODEL_BATCH_H_
