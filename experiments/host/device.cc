#include "experiments/host/device.h"

#include <ATen/ATen.h>
#include <torch/version.h>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "metaprompt/base/status_macros.h"
#include "metaprompt/base/text.h"

namespace metaprompt {
namespace {

constexpr int kMostGpus = 64;

// Sets *gpu to -1 for the CPU, or to the number of the GPU. Returns false if the name is not that of a device.
bool Parse(absl::string_view name, int* gpu) {
  *gpu = -1;
  if (name == "cpu") {
    return true;
  }
  if (!absl::ConsumePrefix(&name, "cuda")) {
    return false;
  }
  *gpu = 0;
  return name.empty() ||
         (absl::ConsumePrefix(&name, ":") && absl::SimpleAtoi(name, gpu) && *gpu >= 0 && *gpu < kMostGpus);
}

}  // namespace

absl::Status CheckDevice(absl::string_view name) {
  int gpu = 0;
  return Parse(name, &gpu)
             ? absl::OkStatus()
             : absl::InvalidArgumentError(absl::StrCat("device is ", Quoted(name), "; it must be cpu, cuda or cuda:N"));
}

absl::StatusOr<at::Device> DeviceOf(absl::string_view name) {
  RETURN_IF_ERROR(CheckDevice(name));
  int gpu = 0;
  Parse(name, &gpu);
  if (gpu < 0) {
    return at::Device(at::kCPU);
  }
  if (!at::hasCUDA()) {
    return absl::FailedPreconditionError(
        absl::StrCat("device is ", Quoted(name), "; this program's LibTorch, ", TORCH_VERSION,
                     ", sees no GPU (Debian's has no CUDA:", " build with LIBTORCH=DIR, see docs/develop.md)"));
  }
  const auto gpus = static_cast<int>(at::detail::getCUDAHooks().getNumGPUs());
  if (gpu >= gpus) {
    return absl::FailedPreconditionError(
        absl::StrCat("device is ", Quoted(name), "; this machine has ", gpus, gpus == 1 ? " GPU" : " GPUs"));
  }
  return at::Device(at::kCUDA, static_cast<at::DeviceIndex>(gpu));
}

}  // namespace metaprompt
