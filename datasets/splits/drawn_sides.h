// Draws which texts of each class train, validate and test, for a classifier of all classes.
#ifndef DATASETS_SPLITS_DRAWN_SIDES_H_
#define DATASETS_SPLITS_DRAWN_SIDES_H_

#include <cstdint>
#include <string>
#include <unordered_map>
#include <vector>

#include "datasets/split.h"

namespace metaprompt {

// The side of each text whose side is known.
using Sides = std::unordered_map<std::string, Split>;

// Draws the sides of a class's texts, which differ from each other. Texts that are in `sides` already, from an earlier
// class, keep their side. Shares are rounded to whole numbers of texts. The draw depends only on the seed and the
// texts, not on their order.
void DrawSides(const std::vector<std::string>& texts, double valid_share, double test_share, uint64_t seed,
               Sides* sides);

}  // namespace metaprompt

#endif  // DATASETS_SPLITS_DRAWN_SIDES_H_
