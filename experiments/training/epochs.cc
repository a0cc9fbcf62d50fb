#include "experiments/training/epochs.h"

#include <numeric>

#include "metaprompt/base/random.h"

namespace metaprompt {

size_t Epochs::At(int64_t position) {
  const auto size = static_cast<int64_t>(size_);
  if (const int64_t epoch = position / size; epoch != epoch_) {
    epoch_ = epoch;
    order_.resize(size_);
    std::iota(order_.begin(), order_.end(), size_t{0});
    Random random(SubSeed(seed_, "epoch", static_cast<uint64_t>(epoch)));
    random.PartialShuffle(size_, &order_);
  }
  return order_[static_cast<size_t>(position % size)];
}

}  // namespace metaprompt
