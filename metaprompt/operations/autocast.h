// Autocast: matrix products in bfloat16, while the parameters stay in float32.
#ifndef METAPROMPT_OPERATIONS_AUTOCAST_H_
#define METAPROMPT_OPERATIONS_AUTOCAST_H_

#include <ATen/core/Tensor.h>

namespace metaprompt {

// While an object with `on` exists, this thread's matrix products on that kind of device use bfloat16 copies of their
// float32 inputs (LibTorch's autocast, without its cache of copies). Devices differ in which other operations stay in
// float32, so callers must convert the inputs of operations that need float32. The conversions are differentiable any
// number of times.
class Autocast {
 public:
  Autocast(bool on, at::DeviceType device);
  ~Autocast();
  Autocast(const Autocast&) = delete;
  Autocast& operator=(const Autocast&) = delete;

 private:
  const bool on_;
  const at::DeviceType device_;
  bool before_ = false;
  bool cached_before_ = false;
};

// Whether such an object exists in this thread for this kind of device.
bool AutocastIsOn(at::DeviceType device);

}  // namespace metaprompt

#endif  // METAPROMPT_OPERATIONS_AUTOCAST_H_
