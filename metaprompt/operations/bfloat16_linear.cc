#include "metaprompt/operations/bfloat16_linear.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>
#include <ATen/record_function.h>
#include <torch/csrc/autograd/custom_function.h>

#include <vector>

#include "metaprompt/operations/amx_product.h"

namespace metaprompt {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

// A matrix or its transpose, as a factor of a product.
struct Factor {
  at::Tensor matrix;
  bool transposed = false;

  Factor Transposed() const { return {matrix, !transposed}; }
  int64_t rows() const { return matrix.size(transposed ? 1 : 0); }
  int64_t columns() const { return matrix.size(transposed ? 0 : 1); }
};

AmxFactor AsAmxFactor(const Factor& factor) {
  return {factor.matrix.data_ptr(), factor.matrix.scalar_type() == at::kBFloat16, factor.matrix.size(1),
          factor.transposed};
}

// a b + bias, rounded to bfloat16 and then converted to `type`. An undefined bias is 0.
at::Tensor ProductOf(const Factor& a, const Factor& b, const at::Tensor& bias, at::ScalarType type) {
  if (!HasAmx()) {
    const auto rounded = [](const Factor& factor) {
      const at::Tensor matrix = factor.matrix.to(at::kBFloat16);
      return factor.transposed ? matrix.t() : matrix;
    };
    return (bias.defined() ? at::addmm(bias.to(at::kBFloat16), rounded(a), rounded(b)) : at::mm(rounded(a), rounded(b)))
        .to(type);
  }
  const Factor left = {a.matrix.contiguous(), a.transposed};
  const Factor right = {b.matrix.contiguous(), b.transposed};
  at::Tensor result = at::empty({left.rows(), right.columns()}, left.matrix.options().dtype(type));
  RECORD_FUNCTION(kBfloat16Products, std::vector<c10::IValue>({result, left.columns()}));
  const at::Tensor added = bias.defined() ? bias.contiguous() : bias;
  AmxProduct(left.rows(), right.columns(), left.columns(), AsAmxFactor(left), AsAmxFactor(right),
             added.defined() ? added.data_ptr<float>() : nullptr, {result.data_ptr(), type == at::kBFloat16});
  return result;
}

at::Tensor Product(const Factor& a, const Factor& b, const at::Tensor& bias, at::ScalarType type);

// The derivatives of a product are products: with C = A B, dA = dC Bᵀ and dB = Aᵀ dC.
class ProductFunction : public torch::autograd::Function<ProductFunction> {
 public:
  static at::Tensor forward(AutogradContext* context, const at::Tensor& a, bool a_transposed, const at::Tensor& b,
                            bool b_transposed, const at::Tensor& bias, at::ScalarType type) {
    context->save_for_backward({a, b});
    context->saved_data["a_transposed"] = a_transposed;
    context->saved_data["b_transposed"] = b_transposed;
    context->saved_data["bias"] = bias.numel() > 0;
    return ProductOf({a, a_transposed}, {b, b_transposed}, bias.numel() > 0 ? bias : at::Tensor(), type);
  }

  static variable_list backward(AutogradContext* context, const variable_list& grads) {
    const variable_list saved = context->get_saved_variables();
    const Factor a = {saved[0], context->saved_data["a_transposed"].toBool()};
    const Factor b = {saved[1], context->saved_data["b_transposed"].toBool()};
    const Factor grad = {grads[0], false};
    variable_list result(6);
    if (context->needs_input_grad(0)) {
      const at::ScalarType type = a.matrix.scalar_type();
      result[0] = a.transposed ? Product(b, grad.Transposed(), {}, type) : Product(grad, b.Transposed(), {}, type);
    }
    if (context->needs_input_grad(1)) {
      const at::ScalarType type = b.matrix.scalar_type();
      result[2] = b.transposed ? Product(grad.Transposed(), a, {}, type) : Product(a.Transposed(), grad, {}, type);
    }
    if (context->saved_data["bias"].toBool() && context->needs_input_grad(2)) {
      result[4] = grads[0].sum(0);
    }
    return result;
  }
};

at::Tensor Product(const Factor& a, const Factor& b, const at::Tensor& bias, at::ScalarType type) {
  const bool differentiated =
      a.matrix.requires_grad() || b.matrix.requires_grad() || (bias.defined() && bias.requires_grad());
  if (!differentiated || !at::GradMode::is_enabled()) {
    return ProductOf(a, b, bias, type);
  }
  // LibTorch does not accept undefined tensors here, so an empty one means no bias.
  return ProductFunction::apply(a.matrix, a.transposed, b.matrix, b.transposed, bias.defined() ? bias : at::empty({0}),
                                type);
}

}  // namespace

bool TakesBfloat16Linear(const at::Tensor& x, const at::Tensor& weight) {
  return x.is_cpu() && x.dim() == 2 && weight.dim() == 2 && weight.scalar_type() == at::kFloat &&
         (x.scalar_type() == at::kFloat || x.scalar_type() == at::kBFloat16);
}

at::Tensor Bfloat16Linear(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias) {
  return Product({x, false}, {weight, true}, bias, at::kBFloat16);
}

}  // namespace metaprompt
