// Texts as tensors, packed: the tokens of all texts stand one after another, without padding between them.
#ifndef METAPROMPT_MODEL_TEXT_INPUTS_H_
#define METAPROMPT_MODEL_TEXT_INPUTS_H_

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <limits>
#include <memory>

#include "absl/types/span.h"

namespace metaprompt {

// The answer words of the classes of all tasks: row t ways + w is class w of task t.
struct Answers {
  at::Tensor ids;      // [classes, words] int64, as TextInputs::ids; unused places repeat an id and weigh 0
  at::Tensor weights;  // [classes, words]; each row sums to 1
};

// Where the tokens of packed texts stand, in every form that an encoder needs. It follows from the texts' spans, their
// places to read at and the tokens without a position. All tensors are in the memory of the tokens' device.
struct Packing {
  int64_t longest = 0;        // T: tokens of the longest text
  at::Tensor positions;       // [N] int64: place in the text, from 0; -1 for a token without a position
  at::Tensor padded_from;     // [B T] int64: which token stands there; -1: padding
  at::Tensor packed_from;     // [N] int64: where in [B T] the token stands
  at::Tensor read_from;       // [B] int64: the token to read the answer at
  at::Tensor read_to;         // [N] int64: the text whose answer is read at the token; -1: none
  at::Tensor attention_bias;  // [B, 1, 1, T] float32: 0 for a token, -inf for padding
  at::Tensor is_soft;         // [N] bool: the token is a soft vector
};

// B texts of N tokens together. A value: copies share memory, and nothing is changed in place.
class TextInputs {
 public:
  // An id of no token.
  static constexpr int64_t kNoToken = std::numeric_limits<int64_t>::max();

  // No text.
  TextInputs();

  // `ids` [N] int64: an index into the episode's vocabulary rows, or -1 - s for soft vector s of the text's task.
  // `spans` [B, 2] int64, on the CPU: each text's first token and how many tokens it has; the texts stand in order,
  // without gaps. `read_at` [B] int64, on the CPU: the token of the text, from 0, at which the answer is read.
  // `uncounted`: an id whose tokens have no position (RoBERTa's padding). Costs O(B T) on the CPU.
  TextInputs(at::Tensor ids, at::Tensor spans, at::Tensor read_at, Answers answers, int64_t uncounted = kNoToken);

  const at::Tensor& ids() const { return data_->ids; }
  const at::Tensor& spans() const { return data_->spans; }
  const at::Tensor& read_at() const { return data_->read_at; }
  const Answers& answers() const { return data_->answers; }
  int64_t uncounted() const { return data_->uncounted; }
  // Derived once, when the texts are made.
  const Packing& packing() const { return *data_->packing; }

  int64_t size() const { return data_->spans.defined() ? data_->spans.size(0) : 0; }  // B
  int64_t longest() const { return data_->packing->longest; }                         // T
  int64_t tokens() const { return data_->ids.size(0); }                               // N

  // Whether the two are copies of the same texts (their answers may differ).
  bool SharesMemoryWith(const TextInputs& other) const { return data_->packing == other.data_->packing; }

  // The same texts with other answer words.
  TextInputs WithAnswers(Answers answers) const;

 private:
  struct Data {
    at::Tensor ids;
    at::Tensor spans;
    at::Tensor read_at;
    Answers answers;
    int64_t uncounted = kNoToken;
    std::shared_ptr<const Packing> packing;
  };

  std::shared_ptr<const Data> data_;
};

// The numbers in `texts`' tensors of the tokens of the texts `which`, in that order: [tokens of those texts] int64, on
// the CPU.
at::Tensor TokensOf(const TextInputs& texts, absl::Span<const int64_t> which);

// The texts of those numbers, in that order, with the same answers. `tokens` is TokensOf the same texts.
TextInputs Select(const TextInputs& texts, absl::Span<const int64_t> which, const at::Tensor& tokens);

// The same texts in a device's memory.
TextInputs OnDevice(const TextInputs& texts, at::Device device);

}  // namespace metaprompt

#endif  // METAPROMPT_MODEL_TEXT_INPUTS_H_
