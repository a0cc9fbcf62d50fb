// The three parts of a class split: meta-learning trains, validates and tests on different classes.
#ifndef DATASETS_SPLIT_H_
#define DATASETS_SPLIT_H_

#include <array>

namespace metaprompt {

enum class Split { kTrain, kValid, kTest };

inline constexpr std::array<Split, 3> kSplits = {Split::kTrain, Split::kValid, Split::kTest};

// "train", "valid" or "test".
inline const char* SplitName(Split split) {
  switch (split) {
    case Split::kTrain:
      return "train";
    case Split::kValid:
      return "valid";
    case Split::kTest:
      return "test";
  }
  return "?";
}

}  // namespace metaprompt

#endif  // DATASETS_SPLIT_H_
