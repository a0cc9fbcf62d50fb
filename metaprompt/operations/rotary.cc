#include "metaprompt/operations/rotary.h"

#include <ATen/ATen.h>
#include <ATen/Dispatch.h>
#include <ATen/OpMathType.h>
#include <ATen/Parallel.h>
#include <ATen/core/grad_mode.h>
#include <torch/csrc/autograd/custom_function.h>

namespace metaprompt {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

// Rotates one row. `direction` is 1, or -1 to rotate back.
template <typename T, typename Angle>
void TurnRow(const T* from, const Angle* cos, const Angle* sin, Angle direction, int64_t heads, int64_t half, T* to) {
  for (int64_t h = 0; h < heads; ++h) {
    const T* const x = from + 2 * h * half;
    T* const y = to + 2 * h * half;
#pragma omp simd
    for (int64_t i = 0; i < half; ++i) {
      const auto first = static_cast<Angle>(x[i]);
      const auto second = static_cast<Angle>(x[i + half]);
      const Angle turn = direction * sin[i];
      y[i] = static_cast<T>(first * cos[i] - second * turn);
      y[i + half] = static_cast<T>(second * cos[i] + first * turn);
    }
  }
}

at::Tensor TurnedOnCpu(const at::Tensor& x, const RotaryTable& table, const at::Tensor& positions, bool back) {
  const at::Tensor from = x.contiguous();
  const at::Tensor rows = positions.contiguous();
  at::Tensor to = at::empty_like(from);
  const int64_t half = table.cos.size(1);
  const int64_t heads = from.size(1) / (2 * half);
  AT_DISPATCH_FLOATING_TYPES_AND(at::kBFloat16, from.scalar_type(), "Rotated", [&] {
    using Angle = at::opmath_type<scalar_t>;  // of bfloat16: float
    const auto type = c10::CppTypeToScalarType<Angle>::value;
    const at::Tensor cos = table.cos.to(type).contiguous();
    const at::Tensor sin = table.sin.to(type).contiguous();
    const auto* const at_cos = cos.data_ptr<Angle>();
    const auto* const at_sin = sin.data_ptr<Angle>();
    const auto* const row = rows.data_ptr<int64_t>();
    const auto* const at_from = from.data_ptr<scalar_t>();
    auto* const at_to = to.data_ptr<scalar_t>();
    at::parallel_for(0, from.size(0), 64, [&](int64_t begin, int64_t end) {
      for (int64_t n = begin; n < end; ++n) {
        TurnRow<scalar_t, Angle>(at_from + n * from.size(1), at_cos + row[n] * half, at_sin + row[n] * half,
                                 back ? -1 : 1, heads, half, at_to + n * from.size(1));
      }
    });
  });
  return to;
}

at::Tensor Turned(const at::Tensor& x, const RotaryTable& table, const at::Tensor& positions, bool back) {
  if (x.is_cpu()) {
    return TurnedOnCpu(x, table, positions, back);
  }
  const int64_t half = table.cos.size(1);
  const at::Tensor cos = table.cos.index_select(0, positions).unsqueeze(1);  // [N, 1, d / 2]
  const at::Tensor sin = table.sin.index_select(0, positions).unsqueeze(1) * (back ? -1 : 1);
  const at::Tensor heads = x.reshape({x.size(0), -1, 2 * half});
  const at::Tensor first = heads.narrow(2, 0, half);
  const at::Tensor second = heads.narrow(2, half, half);
  return at::cat({first * cos - second * sin, second * cos + first * sin}, 2).to(x.scalar_type()).view(x.sizes());
}

at::Tensor Turn(const at::Tensor& x, const RotaryTable& table, const at::Tensor& positions, bool back);

class TurnFunction : public torch::autograd::Function<TurnFunction> {
 public:
  static at::Tensor forward(AutogradContext* context, const at::Tensor& x, const at::Tensor& cos, const at::Tensor& sin,
                            const at::Tensor& positions, bool back) {
    context->save_for_backward({cos, sin, positions});
    context->saved_data["back"] = back;
    return Turned(x, {cos, sin}, positions, back);
  }
  static variable_list backward(AutogradContext* context, const variable_list& grads) {
    const variable_list saved = context->get_saved_variables();
    return {Turn(grads[0], {saved[0], saved[1]}, saved[2], !context->saved_data["back"].toBool()), {}, {}, {}, {}};
  }
};

at::Tensor Turn(const at::Tensor& x, const RotaryTable& table, const at::Tensor& positions, bool back) {
  return at::GradMode::is_enabled() && x.requires_grad() ? TurnFunction::apply(x, table.cos, table.sin, positions, back)
                                                         : Turned(x, table, positions, back);
}

}  // namespace

RotaryTable MakeRotaryTable(int64_t length, int64_t depth, double theta, at::ScalarType type, at::Device device) {
  TORCH_CHECK(depth > 0 && depth % 2 == 0, "MakeRotaryTable: heads are ", depth, " wide");
  const at::Tensor exponents = at::arange(0, depth, 2, at::kFloat) / static_cast<double>(depth);
  const at::Tensor frequencies = 1.0 / at::pow(theta, exponents);
  const at::Tensor angles = at::outer(at::arange(length, at::kFloat), frequencies);
  return {angles.cos().to(device, type), angles.sin().to(device, type)};
}

at::Tensor Rotated(const at::Tensor& x, const RotaryTable& table, const at::Tensor& positions) {
  TORCH_CHECK(x.dim() == 2 && x.size(1) % (2 * table.cos.size(1)) == 0 && positions.size(0) == x.size(0), "Rotated: x ",
              x.sizes(), ", table ", table.cos.sizes(), ", positions ", positions.sizes());
  return Turn(x, table, positions, /*back=*/false);
}

}  // namespace metaprompt
