// The device on which tests compute: the CPU, or the one that the option --device=cuda of a test program names.
#ifndef TESTS_HELPERS_TEST_DEVICE_H_
#define TESTS_HELPERS_TEST_DEVICE_H_

#include <ATen/core/Tensor.h>

#include "metaprompt/model/params.h"

namespace metaprompt {

at::Device TestDevice();

inline at::Tensor OnTestDevice(const at::Tensor& tensor) { return tensor.defined() ? tensor.to(TestDevice()) : tensor; }
ParamList OnTestDevice(ParamList tensors);

}  // namespace metaprompt

#endif  // TESTS_HELPERS_TEST_DEVICE_H_
