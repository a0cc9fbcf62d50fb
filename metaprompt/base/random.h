// Randomness that is the same everywhere: a seed, a purpose and an index give a stream; nothing else does.
#ifndef METAPROMPT_BASE_RANDOM_H_
#define METAPROMPT_BASE_RANDOM_H_

#include <cstdint>
#include <random>
#include <utility>
#include <vector>

#include "absl/strings/string_view.h"

namespace metaprompt {

// A seed for one purpose ("init", "episodes/train", ...) and one index, from the experiment's seed. Two that differ in
// any of the three are unrelated. Every seed is as good as every other; 0 is one.
uint64_t SubSeed(uint64_t seed, absl::string_view purpose, uint64_t index = 0);

// std::mt19937_64, whose numbers the standard fixes, with distributions of our own, which it does not.
class Random {
 public:
  explicit Random(uint64_t seed) : engine_(seed) {}

  // Uniform in [0, bound); bound >= 1. Without bias: draws that would bring one are drawn again.
  uint64_t Below(uint64_t bound);
  // Uniform in [0, 1), 53 bits.
  double Uniform();
  // Normal, mean 0, standard deviation 1 (Box and Muller 1958).
  double Normal();
  // Puts a uniformly drawn ordered sample of `count` elements first (Fisher and Yates); count <= values->size().
  template <typename T>
  void PartialShuffle(size_t count, std::vector<T>* values) {
    for (size_t i = 0; i < count; ++i) {
      std::swap((*values)[i], (*values)[i + Below(values->size() - i)]);
    }
  }

 private:
  std::mt19937_64 engine_;
};

// `count` normal values of mean 0, from the stream of `seed`.
void FillNormal(uint64_t seed, double standard_deviation, float* values, int64_t count);

// `count` values uniform in [-bound, bound), from the stream of `seed`.
void FillUniform(uint64_t seed, double bound, float* values, int64_t count);

}  // namespace metaprompt

#endif  // METAPROMPT_BASE_RANDOM_H_
