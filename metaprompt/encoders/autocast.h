// Products in bfloat16 while the parameters stay float32.
#ifndef METAPROMPT_ENCODERS_AUTOCAST_H_
#define METAPROMPT_ENCODERS_AUTOCAST_H_

#include <ATen/core/Tensor.h>

namespace metaprompt {

// While one lives with `on`, this thread's matrix products on that kind of device take bfloat16 copies of their float32
// inputs (LibTorch's autocast, without its memory of copies). What needs the range is for the caller to keep in
// float32: which other operations do so of themselves differs between devices. Derivatives of any order pass through
// the copies.
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

}  // namespace metaprompt

#endif  // METAPROMPT_ENCODERS_AUTOCAST_H_
