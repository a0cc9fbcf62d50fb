// The examples that a classifier is trained or tested on, as inputs of its encoder.
#ifndef EXPERIMENTS_FINE_TUNING_LABELLED_INPUTS_H_
#define EXPERIMENTS_FINE_TUNING_LABELLED_INPUTS_H_

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <utility>
#include <vector>

#include "absl/types/span.h"
#include "metaprompt/model/inputs.h"

namespace metaprompt {

// Labelled texts as tokens, or labelled images as pixels. Several threads may call Of at the same time.
class LabelledInputs {
 public:
  explicit LabelledInputs(std::vector<int64_t> labels) : labels_(std::move(labels)) {}
  virtual ~LabelledInputs() = default;

  int64_t size() const { return static_cast<int64_t>(labels_.size()); }
  const std::vector<int64_t>& labels() const { return labels_; }

  // What the examples are: "texts" or "images".
  virtual const char* kind() const = 0;

  // The number of tokens that the encoder computes for example i.
  virtual int64_t TokensOf(int64_t i) const = 0;

  // The examples with the indices `which`, in that order, on the CPU. Ids of texts are vocabulary ids; the pixels of
  // images are rounded to float32 and have the type `type`, that of the parameters.
  virtual Inputs Of(absl::Span<const int64_t> which, at::ScalarType type) const = 0;

 private:
  std::vector<int64_t> labels_;
};

}  // namespace metaprompt

#endif  // EXPERIMENTS_FINE_TUNING_LABELLED_INPUTS_H_
