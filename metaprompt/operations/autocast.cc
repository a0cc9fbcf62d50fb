#include "metaprompt/operations/autocast.h"

#include <ATen/autocast_mode.h>
#include <torch/version.h>

// From LibTorch 2.4 on, these functions take the device as an argument. Before, each device has its own functions.
#define METAPROMPT_AUTOCAST_TAKES_DEVICE \
  (TORCH_VERSION_MAJOR > 2 || (TORCH_VERSION_MAJOR == 2 && TORCH_VERSION_MINOR >= 4))

namespace metaprompt {
namespace {

bool Enabled(at::DeviceType device) {
#if METAPROMPT_AUTOCAST_TAKES_DEVICE
  return at::autocast::is_autocast_enabled(device);
#else
  return device == at::kCUDA ? at::autocast::is_enabled() : at::autocast::is_cpu_enabled();
#endif
}

void SetEnabled(at::DeviceType device, bool on) {
#if METAPROMPT_AUTOCAST_TAKES_DEVICE
  at::autocast::set_autocast_enabled(device, on);
  at::autocast::set_autocast_dtype(device, at::kBFloat16);
#else
  if (device == at::kCUDA) {
    at::autocast::set_enabled(on);
    at::autocast::set_autocast_gpu_dtype(at::kBFloat16);
  } else {
    at::autocast::set_cpu_enabled(on);
    at::autocast::set_autocast_cpu_dtype(at::kBFloat16);
  }
#endif
}

}  // namespace

Autocast::Autocast(bool on, at::DeviceType device) : on_(on), device_(device) {
  if (on_) {
    before_ = Enabled(device_);
    cached_before_ = at::autocast::is_autocast_cache_enabled();
    // Most parameters are used once per forward pass, and cached copies would exist for longer than that.
    at::autocast::set_autocast_cache_enabled(false);
    SetEnabled(device_, true);
  }
}

Autocast::~Autocast() {
  if (on_) {
    SetEnabled(device_, before_);
    at::autocast::set_autocast_cache_enabled(cached_before_);
  }
}

bool AutocastIsOn(at::DeviceType device) { return Enabled(device); }

}  // namespace metaprompt
