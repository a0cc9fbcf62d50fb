// Texts as tensors. They are packed: the tokens of all texts follow one another in one vector, without padding.
#ifndef METAPROMPT_MODEL_TEXT_INPUTS_H_
#define METAPROMPT_MODEL_TEXT_INPUTS_H_

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <limits>
#include <memory>

#include "absl/types/span.h"

namespace metaprompt {

// The answer words of the classes of all tasks. Row t * ways + w belongs to class w of task t.
struct Answers {
  at::Tensor ids;      // [classes, words] int64, like TextInputs::ids; unused places repeat an id, with weight 0
  at::Tensor weights;  // [classes, words]; each row sums to 1
  // Where answers are scored as sequences, the tokens of an answer are those whose weight is not 0, in their order, and
  // an answer may stand between texts. Ids are like those of texts.
  at::Tensor separator = {};  // [K] int64: what follows an answer where another text comes after it; undefined: nothing
  at::Tensor context = {};    // [C] int64: what precedes every text: texts with their answers; undefined: nothing
};

// The places of the tokens of packed texts, in every form that encoders need. TextInputs computes it from its other
// members. All tensors are on the device of the token ids.
struct Packing {
  int64_t longest = 0;        // T: number of tokens in the longest text
  at::Tensor positions;       // [N] int64: the position of the token in its text, from 0; -1: it has none
  at::Tensor padded_from;     // [B T] int64: the token at each place of the padded texts; -1: padding
  at::Tensor packed_from;     // [N] int64: the place of each token in the padded texts, in [0, B T)
  at::Tensor read_from;       // [B] int64: the token at which the answer of each text is read, in [0, N)
  at::Tensor read_to;         // [N] int64: the text whose answer is read at each token; -1: none
  at::Tensor attention_bias;  // [B, 1, 1, T] float32: 0 for a token, -inf for padding
  at::Tensor is_soft;         // [N] bool: whether the token is a soft vector
};

// B texts with N tokens in total. A value type: copies share memory, and nothing is changed in place.
class TextInputs {
 public:
  // An id that no token has.
  static constexpr int64_t kNoToken = std::numeric_limits<int64_t>::max();

  // No texts: all tensors are undefined, and there is no packing.
  TextInputs();

  // `ids` [N] int64: an index into the episode's vocabulary rows, or -1 - s for soft vector s of the text's task.
  // `spans` [B, 2] int64, on the CPU: the first token of each text and its number of tokens. The texts follow one
  // another in order, without gaps.
  // `read_at` [B] int64, on the CPU: the token at which the answer of each text is read, counted from 0 at the start of
  // the text.
  // `uncounted`: an id whose tokens have no position (RoBERTa's padding token).
  // Takes O(B T) time and memory. If `uncounted` is given, `ids` are copied to the CPU.
  TextInputs(at::Tensor ids, at::Tensor spans, at::Tensor read_at, Answers answers, int64_t uncounted = kNoToken);

  const at::Tensor& ids() const { return data_->ids; }
  const at::Tensor& spans() const { return data_->spans; }
  const at::Tensor& read_at() const { return data_->read_at; }
  const Answers& answers() const { return data_->answers; }
  int64_t uncounted() const { return data_->uncounted; }
  // Computed once, by the constructor.
  const Packing& packing() const { return *data_->packing; }

  int64_t size() const { return data_->spans.defined() ? data_->spans.size(0) : 0; }  // B
  int64_t longest() const { return data_->packing->longest; }                         // T
  int64_t tokens() const { return data_->ids.size(0); }                               // N

  // Whether the two are copies of the same texts. Their answers may differ.
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

// The tokens of the texts numbered `which`, in that order, as indices into texts.ids(): int64, on the CPU.
at::Tensor TokensOf(const TextInputs& texts, absl::Span<const int64_t> which);

// The texts numbered `which`, in that order, with the same answers. `tokens` is TokensOf(texts, which).
TextInputs Select(const TextInputs& texts, absl::Span<const int64_t> which, const at::Tensor& tokens);

// The same texts in the device's memory. `spans` and `read_at` stay on the CPU.
TextInputs OnDevice(const TextInputs& texts, at::Device device);

}  // namespace metaprompt

#endif  // METAPROMPT_MODEL_TEXT_INPUTS_H_
