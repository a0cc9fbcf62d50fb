// Tests that include this file compute on one thread. Their tensors are so small that threads would mostly wait for
// each other.
#ifndef TESTS_HELPERS_ONE_THREAD_H_
#define TESTS_HELPERS_ONE_THREAD_H_

#include <ATen/Parallel.h>
#include <gtest/gtest.h>

namespace metaprompt {

class OneThread : public testing::Environment {
 public:
  void SetUp() override { at::set_num_threads(1); }
};
inline const testing::Environment* const kOneThread = testing::AddGlobalTestEnvironment(new OneThread());

}  // namespace metaprompt

#endif  // TESTS_HELPERS_ONE_THREAD_H_
