#include "experiments/host/device.h"

#include <ATen/ATen.h>
#include <torch/version.h>

#include <cstdlib>

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

// From LibTorch 2.2 on, tensors are filled when they are made, and sums of bfloat16 products may be rounded, unless
// this is turned off.
#define METAPROMPT_HAS_NEW_SWITCHES (TORCH_VERSION_MAJOR > 2 || (TORCH_VERSION_MAJOR == 2 && TORCH_VERSION_MINOR >= 2))

// The same inputs give the same bits: sums are not computed in the order in which a GPU's threads happen to finish.
// Products of float32 numbers are computed in float32 or in TF32, and never in something that LibTorch chooses.
void SetUpGpu(bool tf32) {
  setenv("CUBLAS_WORKSPACE_CONFIG", ":4096:8", /*overwrite=*/0);  // cuBLAS reads it when it starts
  at::Context& context = at::globalContext();
  context.setDeterministicAlgorithms(true, /*warn_only=*/false);
#if METAPROMPT_HAS_NEW_SWITCHES
  context.setDeterministicFillUninitializedMemory(false);
  context.setAllowBF16ReductionCuBLAS(false);
#endif
  context.setAllowTF32CuBLAS(tf32);
  context.setAllowTF32CuDNN(tf32);
}

}  // namespace

absl::Status CheckDevice(absl::string_view name) {
  int gpu = 0;
  return Parse(name, &gpu)
             ? absl::OkStatus()
             : absl::InvalidArgumentError(absl::StrCat("device is ", Quoted(name), "; it must be cpu, cuda or cuda:N"));
}

absl::StatusOr<at::Device> DeviceOf(absl::string_view name, bool tf32) {
  RETURN_IF_ERROR(CheckDevice(name));
  int gpu = 0;
  Parse(name, &gpu);
  if (gpu < 0 && tf32) {
    return absl::InvalidArgumentError("precision is TF32, which needs a GPU: set device to cuda, or use FLOAT32");
  }
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
  SetUpGpu(tf32);
  return at::Device(at::kCUDA, static_cast<at::DeviceIndex>(gpu));
}

}  // namespace metaprompt
