// Texts as tensors. They are packed: one vector has the tokens of all texts, one text after another, without padding.
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
  at::Tensor ids;      // [classes, words] int64, as TextInputs::ids; unused entries repeat an id and have weight 0
  at::Tensor weights;  // [classes, words]; each row sums to 1
  // If answers are scored as sequences, an answer consists of the ids whose weight is not 0, in order. Two more token
  // sequences are then used, with ids as in TextInputs::ids:
  at::Tensor separator = {};  // [K] int64: the tokens between an answer and a text after it; undefined: none
  at::Tensor context = {};    // [C] int64: the tokens before every text (examples with their answers); undefined: none
  // [S] int64, for an encoder-decoder: the decoder's first tokens, after the last of which an answer follows.
  at::Tensor start = {};
};

// Indices of packed tokens, in all forms that encoders need: between the packed texts and their padded form [B, T], and
// between texts and the tokens at which answers are read. All tensors are on the device of the token ids.
struct Packing {
  int64_t longest = 0;        // T: the number of tokens in the longest text
  at::Tensor positions;       // [N] int64: the token's position in its text, from 0; -1: it has no position
  at::Tensor padded_from;     // [B T] int64: the token, in [0, N), at each place of the padded texts; -1: padding
  at::Tensor packed_from;     // [N] int64: each token's place in the padded texts, in [0, B T)
  at::Tensor read_from;       // [B] int64: the token, in [0, N), at which each text's answer is read
  at::Tensor read_to;         // [N] int64: the index of the text whose answer is read at the token; -1: none
  at::Tensor attention_bias;  // [B, 1, 1, T] float32: 0 for a token, -inf for padding
  at::Tensor is_soft;         // [N] bool: whether the token is a soft vector
};

// B texts with N tokens in total. A value type: copies share memory, and nothing is changed in place.
class TextInputs {
 public:
  // An id that is different from every token's.
  static constexpr int64_t kNoToken = std::numeric_limits<int64_t>::max();

  // No texts: all tensors are undefined, and there is no packing.
  TextInputs();

  // `ids` [N] int64: an index into the episode's vocabulary rows (Episode::rows), or -1 - s for soft vector s of the
  // text's task.
  // `spans` [B, 2] int64, on the CPU: the index of each text's first token, and its number of tokens. The texts follow
  // one another in order, without gaps.
  // `read_at` [B] int64, on the CPU: the token at which the answer of each text is read, counted from 0 at the start of
  // the text.
  // `uncounted`: an id whose tokens have no position (RoBERTa's padding token).
  // Takes O(B T) time and memory. If `uncounted` is given, copies `ids` to the CPU.
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

  // Whether one is a copy of the other. Their answers may differ.
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

// The tokens of the texts with the indices `which`, in that order. They are indices into texts.ids(): int64, on the
// CPU.
at::Tensor TokensOf(const TextInputs& texts, absl::Span<const int64_t> which);

// The texts with the indices `which`, in that order, with the same answers. `tokens` is TokensOf(texts, which).
TextInputs Select(const TextInputs& texts, absl::Span<const int64_t> which, const at::Tensor& tokens);

// The same texts in the device's memory. `spans` and `read_at` stay on the CPU.
TextInputs OnDevice(const TextInputs& texts, at::Device device);

}  // namespace metaprompt

#endif  // METAPROMPT_MODEL_TEXT_INPUTS_H_
