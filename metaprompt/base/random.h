// Random numbers that are the same on every machine. A stream depends only on a seed, a purpose and an index.
#ifndef METAPROMPT_BASE_RANDOM_H_
#define METAPROMPT_BASE_RANDOM_H_

#include <cstdint>
#include <random>
#include <utility>
#include <vector>

#include "absl/strings/string_view.h"

namespace metaprompt {

// The finaliser of SplitMix64 (Steele et al. 2014): a bijection in which each input bit affects all output bits.
uint64_t Mix(uint64_t x);

// A seed for one purpose ("init", "episodes/train", ...) and one index, derived from the experiment's seed. The seeds
// for different arguments are unrelated. All seeds are equally good, including 0.
uint64_t SubSeed(uint64_t seed, absl::string_view purpose, uint64_t index = 0);

// Draws random numbers with std::mt19937_64, whose output the C++ standard fixes. The standard does not fix the output
// of its distributions, so these are implemented here.
class Random {
 public:
  explicit Random(uint64_t seed) : engine_(seed) {}

  // Uniform in [0, bound), without bias; bound >= 1. May draw several numbers from the engine.
  uint64_t Below(uint64_t bound);
  // Uniform in [0, 1), with 53 random bits.
  double Uniform();
  // Normal, mean 0, standard deviation 1 (Box and Muller 1958).
  double Normal();
  // Moves a random sample of `count` elements to the front, in random order (Fisher and Yates 1938); count <=
  // values->size().
  template <typename T>
  void PartialShuffle(size_t count, std::vector<T>* values) {
    for (size_t i = 0; i < count; ++i) {
      std::swap((*values)[i], (*values)[i + Below(values->size() - i)]);
    }
  }

 private:
  std::mt19937_64 engine_;
};

// Writes `count` normal values with mean 0 from the stream of `seed`.
void FillNormal(uint64_t seed, double standard_deviation, float* values, int64_t count);

// Writes `count` values, uniform in [-bound, bound), from the stream of `seed`.
void FillUniform(uint64_t seed, double bound, float* values, int64_t count);

}  // namespace metaprompt

#endif  // METAPROMPT_BASE_RANDOM_H_
