// Gives a fuzz target every input of its corpus, CORPUS, without a fuzzer: what once was found stays fixed.
#include <gtest/gtest.h>

#include <cstdint>
#include <filesystem>
#include <string>

#include "metaprompt/base/files.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size);

namespace {

TEST(FuzzReplayTest, EveryInputOfTheCorpus) {
  int count = 0;
  for (const auto& entry : std::filesystem::directory_iterator(CORPUS)) {
    SCOPED_TRACE(entry.path().string());
    const std::string input = metaprompt::ReadFile(entry.path().string()).value();
    LLVMFuzzerTestOneInput(reinterpret_cast<const uint8_t*>(input.data()), input.size());
    ++count;
  }
  EXPECT_GT(count, 0);
}

}  // namespace
