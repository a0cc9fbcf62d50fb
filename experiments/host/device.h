// Where tensors are: the CPU or a GPU.
#ifndef EXPERIMENTS_HOST_DEVICE_H_
#define EXPERIMENTS_HOST_DEVICE_H_

#include <ATen/core/Tensor.h>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace metaprompt {

// `cpu`, `cuda` or `cuda:N`. Checks the spelling alone.
absl::Status CheckDevice(absl::string_view name);

// The device of that name. An error if this LibTorch was built without CUDA or sees fewer GPUs.
absl::StatusOr<at::Device> DeviceOf(absl::string_view name);

}  // namespace metaprompt

#endif  // EXPERIMENTS_HOST_DEVICE_H_
