// Images in the format of CIFAR-10.
#ifndef TESTS_HELPERS_CIFAR_RECORDS_H_
#define TESTS_HELPERS_CIFAR_RECORDS_H_

#include <cstdint>
#include <string>

#include "metaprompt/base/random.h"

namespace metaprompt {

// Records of CIFAR-10's binary version: a label, then 1024 bytes for each of three channels. `per_class` times an image
// of each class, in order. Images of class c are brighter in channel c % 3; all else is noise, which depends on `seed`.
inline std::string CifarRecords(uint64_t seed, int classes, int per_class) {
  std::string records;
  for (int i = 0; i < classes * per_class; ++i) {
    const int label = i % classes;
    Random random(SubSeed(seed, "image", static_cast<uint64_t>(i)));
    records.push_back(static_cast<char>(label));
    for (int channel = 0; channel < 3; ++channel) {
      for (int pixel = 0; pixel < 1024; ++pixel) {
        records.push_back(static_cast<char>(random.Below(150) + (channel == label % 3 ? 100 : 0)));
      }
    }
  }
  return records;
}

}  // namespace metaprompt

#endif  // TESTS_HELPERS_CIFAR_RECORDS_H_
