// The device that tensors are on: the CPU or a GPU.
#ifndef EXPERIMENTS_HOST_DEVICE_H_
#define EXPERIMENTS_HOST_DEVICE_H_

#include <ATen/core/Tensor.h>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace metaprompt {

// OK for `cpu`, `cuda` and `cuda:N`. Checks only the spelling.
absl::Status CheckDevice(absl::string_view name);

// The device of that name. It is an error if this LibTorch was built without CUDA, or if there is no such GPU. For a
// GPU, this also sets LibTorch's options so that the same inputs give the same bits. Call it before the first
// operation. `tf32`: the GPU rounds the factors of float32 products to 11 bits (TF32); an error for the CPU.
absl::StatusOr<at::Device> DeviceOf(absl::string_view name, bool tf32 = false);

}  // namespace metaprompt

#endif  // EXPERIMENTS_HOST_DEVICE_H_
