#include "datasets/splits/drawn_sides.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <utility>

#include "metaprompt/base/random.h"

namespace metaprompt {
namespace {

// A share of `count`, rounded to the nearest whole number.
int64_t ShareOf(double share, size_t count) { return std::llround(share * static_cast<double>(count)); }

}  // namespace

void DrawSides(const std::vector<std::string>& texts, double valid_share, double test_share, uint64_t seed,
               Sides* sides) {
  int64_t tests = ShareOf(test_share, texts.size());
  int64_t valids = ShareOf(valid_share, texts.size());
  std::vector<std::pair<uint64_t, const std::string*>> drawn;
  for (const std::string& text : texts) {
    const auto known = sides->find(text);
    if (known == sides->end()) {
      drawn.emplace_back(SubSeed(seed, text), &text);
    } else {
      tests -= known->second == Split::kTest ? 1 : 0;
      valids -= known->second == Split::kValid ? 1 : 0;
    }
  }
  std::sort(drawn.begin(), drawn.end(), [](const auto& a, const auto& b) {
    return a.first != b.first ? a.first < b.first : *a.second < *b.second;
  });
  for (const auto& [key, text] : drawn) {
    Split side = Split::kTrain;
    if (tests > 0) {
      --tests;
      side = Split::kTest;
    } else if (valids > 0) {
      --valids;
      side = Split::kValid;
    }
    sides->emplace(*text, side);
  }
}

}  // namespace metaprompt
