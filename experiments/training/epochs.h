// In which order texts are trained on.
#ifndef EXPERIMENTS_TRAINING_EPOCHS_H_
#define EXPERIMENTS_TRAINING_EPOCHS_H_

#include <cstddef>
#include <cstdint>
#include <vector>

namespace metaprompt {

// An endless walk through `size` things: in each epoch all of them, in a new random order.
class Epochs {
 public:
  Epochs(uint64_t seed, size_t size) : seed_(seed), size_(size) {}

  // The thing at place `position` of the walk, which is in epoch position / size. Fast while positions grow.
  size_t At(int64_t position);

 private:
  uint64_t seed_;
  size_t size_;
  int64_t epoch_ = -1;  // of `order_`
  std::vector<size_t> order_;
};

}  // namespace metaprompt

#endif  // EXPERIMENTS_TRAINING_EPOCHS_H_
