#include "metaprompt/base/random.h"

#include <cmath>
#include <limits>

namespace metaprompt {

uint64_t Mix(uint64_t x) {
  x += 0x9e3779b97f4a7c15U;
  x = (x ^ (x >> 30U)) * 0xbf58476d1ce4e5b9U;
  x = (x ^ (x >> 27U)) * 0x94d049bb133111ebU;
  return x ^ (x >> 31U);
}

uint64_t SubSeed(uint64_t seed, absl::string_view purpose, uint64_t index) {
  uint64_t hash = Mix(seed);
  for (const char c : purpose) {
    hash = Mix(hash ^ static_cast<unsigned char>(c));
  }
  return Mix(Mix(hash ^ purpose.size()) ^ index);
}

uint64_t Random::Below(uint64_t bound) {
  constexpr uint64_t kMax = std::numeric_limits<uint64_t>::max();
  const uint64_t limit = kMax - kMax % bound;  // the largest multiple of bound up to kMax
  uint64_t draw = engine_();
  while (draw >= limit) {
    draw = engine_();
  }
  return draw % bound;
}

double Random::Uniform() { return static_cast<double>(engine_() >> 11U) * 0x1.0p-53; }

double Random::Normal() {
  const double radius = std::sqrt(-2.0 * std::log(1.0 - Uniform()));
  return radius * std::cos(2.0 * 3.14159265358979323846 * Uniform());
}

void FillNormal(uint64_t seed, double standard_deviation, float* values, int64_t count) {
  Random random(seed);
  for (int64_t i = 0; i < count; ++i) {
    values[i] = static_cast<float>(standard_deviation * random.Normal());
  }
}

void FillUniform(uint64_t seed, double bound, float* values, int64_t count) {
  Random random(seed);
  for (int64_t i = 0; i < count; ++i) {
    values[i] = static_cast<float>(bound * (2 * random.Uniform() - 1));
  }
}

}  // namespace metaprompt
