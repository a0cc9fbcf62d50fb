// The order in which training uses texts.
#ifndef EXPERIMENTS_TRAINING_EPOCHS_H_
#define EXPERIMENTS_TRAINING_EPOCHS_H_

#include <cstddef>
#include <cstdint>
#include <vector>

namespace metaprompt {

// An endless sequence of the indices 0 ... size - 1: each epoch has all of them, in a new random order.
class Epochs {
 public:
  Epochs(uint64_t seed, size_t size) : seed_(seed), size_(size) {}

  // The index at `position` of the sequence, which is in epoch position / size. A call for another epoch than that of
  // the previous call takes O(size).
  size_t At(int64_t position);

 private:
  uint64_t seed_;
  size_t size_;
  int64_t epoch_ = -1;  // of `order_`
  std::vector<size_t> order_;
};

}  // namespace metaprompt

#endif  // EXPERIMENTS_TRAINING_EPOCHS_H_
