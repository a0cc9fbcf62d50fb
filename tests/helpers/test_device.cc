#include "tests/helpers/test_device.h"

#include <ATen/ATen.h>

#include <fstream>
#include <string>

#include "absl/status/statusor.h"
#include "experiments/host/device.h"

namespace metaprompt {
namespace {

// GoogleTest's main() leaves options alone that it does not know, and does not pass them on.
at::Device DeviceOfCommandLine() {
  constexpr char kOption[] = "--device=";
  std::ifstream arguments("/proc/self/cmdline", std::ios::binary);
  std::string argument;
  std::string name = "cpu";
  while (std::getline(arguments, argument, '\0')) {
    if (argument.rfind(kOption, 0) == 0) {
      name = argument.substr(sizeof(kOption) - 1);
    }
  }
  const absl::StatusOr<at::Device> device = DeviceOf(name);
  TORCH_CHECK(device.ok(), device.status().ToString());
  return *device;
}

}  // namespace

at::Device TestDevice() {
  static const at::Device device = DeviceOfCommandLine();
  return device;
}

ParamList OnTestDevice(ParamList tensors) {
  for (at::Tensor& tensor : tensors) {
    tensor = OnTestDevice(tensor);
  }
  return tensors;
}

}  // namespace metaprompt
