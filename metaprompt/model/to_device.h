// Copies to a device.
#ifndef METAPROMPT_MODEL_TO_DEVICE_H_
#define METAPROMPT_MODEL_TO_DEVICE_H_

#include <ATen/core/Tensor.h>

namespace metaprompt {

// `x`, which may be undefined, in the device's memory. Does not wait for a GPU: the numbers have been read when this
// returns (CUDA copies memory that is not pinned to a buffer first), and operations on the result come after the copy.
inline at::Tensor ToDevice(const at::Tensor& x, at::Device device) {
  return !x.defined() || x.device() == device ? x : x.to(device, /*non_blocking=*/!device.is_cpu());
}

}  // namespace metaprompt

#endif  // METAPROMPT_MODEL_TO_DEVICE_H_
