#include "metaprompt/operations/gather_rows.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>
#include <torch/csrc/autograd/custom_function.h>

#include <cstring>

namespace metaprompt {
namespace {

at::Tensor Gather(const at::Tensor& x, const at::Tensor& from) {
  if (!x.is_cpu()) {
    return x.index_select(0, from.clamp_min(0)).masked_fill_(from.lt(0).unsqueeze(1), 0);
  }
  const at::Tensor source = x.contiguous();
  at::Tensor y = at::empty({from.size(0), x.size(1)}, x.options());
  const size_t bytes = static_cast<size_t>(x.size(1)) * x.element_size();
  const auto* in = static_cast<const char*>(source.data_ptr());
  auto* out = static_cast<char*>(y.data_ptr());
  const int64_t* index = from.data_ptr<int64_t>();
  for (int64_t m = 0; m < from.size(0); ++m) {
    char* row = out + static_cast<size_t>(m) * bytes;
    if (index[m] < 0) {
      std::memset(row, 0, bytes);
    } else {
      std::memcpy(row, in + static_cast<size_t>(index[m]) * bytes, bytes);
    }
  }
  return y;
}

class GatherRowsFunction : public torch::autograd::Function<GatherRowsFunction> {
 public:
  static at::Tensor forward(torch::autograd::AutogradContext* context, const at::Tensor& x, const at::Tensor& from,
                            const at::Tensor& to) {
    context->save_for_backward({from, to});
    return Gather(x, from);
  }

  static torch::autograd::variable_list backward(torch::autograd::AutogradContext* context,
                                                 torch::autograd::variable_list grads) {
    const torch::autograd::variable_list saved = context->get_saved_variables();
    return {GatherRows(grads[0], saved[1], saved[0]), at::Tensor(), at::Tensor()};
  }
};

}  // namespace

at::Tensor GatherRows(const at::Tensor& x, const at::Tensor& from, const at::Tensor& to) {
  TORCH_CHECK(x.dim() == 2 && from.dim() == 1 && to.dim() == 1 && to.size(0) == x.size(0), "GatherRows: x ", x.sizes(),
              ", from ", from.sizes(), ", to ", to.sizes());
  if (!at::GradMode::is_enabled() || !x.requires_grad()) {
    return Gather(x, from);
  }
  return GatherRowsFunction::apply(x, from, to);
}

}  // namespace metaprompt
