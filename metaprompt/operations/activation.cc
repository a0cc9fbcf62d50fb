#include "metaprompt/operations/activation.h"

#include <ATen/ATen.h>

#include <map>
#include <mutex>

namespace metaprompt {

at::Tensor Activate(Activation activation, const at::Tensor& x) {
  switch (activation) {
    case Activation::kGelu:
      return at::gelu(x);
    case Activation::kGeluTanh:
      return at::gelu(x, "tanh");
    case Activation::kRelu:
      return at::relu(x);
    case Activation::kSilu:
      return at::silu(x);
    case Activation::kQuickGelu:  // Hendrycks and Gimpel 2016
      return x * at::sigmoid(x * 1.702);
  }
  return x;
}

const Bfloat16Table& TableOf(Activation activation) {
  static std::mutex mutex;
  static auto* const tables = new std::map<Activation, Bfloat16Table>();
  const std::lock_guard<std::mutex> lock(mutex);
  const auto found = tables->find(activation);
  return found != tables->end()
             ? found->second
             : tables->emplace(activation, [&](const at::Tensor& x) { return Activate(activation, x); }).first->second;
}

}  // namespace metaprompt
