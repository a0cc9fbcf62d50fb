#include "metaprompt/operations/text_attention.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>
#include <torch/csrc/autograd/custom_function.h>

#include "metaprompt/operations/text_products.h"

namespace metaprompt {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

// The products of text_products.h with gradients. The derivatives of each of these functions are computed by the
// others.
at::Tensor Scores(const at::Tensor& query, const at::Tensor& key, const at::Tensor& places, int64_t heads,
                  double scale);
at::Tensor Mixed(const at::Tensor& pairs, const at::Tensor& at_keys, const at::Tensor& places, int64_t heads,
                 double scale, int64_t rows);
at::Tensor Spread(const at::Tensor& pairs, const at::Tensor& at_queries, const at::Tensor& places, int64_t heads,
                  double scale, int64_t rows);
at::Tensor SoftmaxGradient(const at::Tensor& weights, const at::Tensor& grad, const at::Tensor& places, int64_t heads);

bool Differentiated(const at::Tensor& a, const at::Tensor& b) {
  return at::GradMode::is_enabled() && (a.requires_grad() || b.requires_grad());
}

// Saves what a product of two tensors needs for its derivatives.
void Keep(AutogradContext* context, const at::Tensor& a, const at::Tensor& b, const at::Tensor& places, int64_t heads,
          double scale) {
  context->save_for_backward({a, b, places});
  context->saved_data["heads"] = heads;
  context->saved_data["scale"] = scale;
}

struct Kept {
  explicit Kept(AutogradContext* context)
      : tensors(context->get_saved_variables()),
        a(tensors[0]),
        b(tensors[1]),
        places(tensors[2]),
        heads(context->saved_data["heads"].toInt()),
        scale(context->saved_data["scale"].toDouble()) {}

  const variable_list tensors;
  const at::Tensor& a;
  const at::Tensor& b;
  const at::Tensor& places;
  const int64_t heads;
  const double scale;
};

class ScoresFunction : public torch::autograd::Function<ScoresFunction> {
 public:
  static at::Tensor forward(AutogradContext* context, const at::Tensor& query, const at::Tensor& key,
                            const at::Tensor& places, int64_t heads, double scale) {
    Keep(context, query, key, places, heads, scale);
    return ScoresOf(query, key, places, heads, scale);
  }
  static variable_list backward(AutogradContext* context, const variable_list& grads) {
    const Kept kept(context);
    variable_list result(5);
    if (context->needs_input_grad(0)) {
      result[0] = Mixed(grads[0], kept.b, kept.places, kept.heads, kept.scale, kept.a.size(0));
    }
    if (context->needs_input_grad(1)) {
      result[1] = Spread(grads[0], kept.a, kept.places, kept.heads, kept.scale, kept.b.size(0));
    }
    return result;
  }
};

class MixedFunction : public torch::autograd::Function<MixedFunction> {
 public:
  static at::Tensor forward(AutogradContext* context, const at::Tensor& pairs, const at::Tensor& at_keys,
                            const at::Tensor& places, int64_t heads, double scale, int64_t rows) {
    Keep(context, pairs, at_keys, places, heads, scale);
    return MixedOf(pairs, at_keys, places, heads, scale, rows);
  }
  static variable_list backward(AutogradContext* context, const variable_list& grads) {
    const Kept kept(context);
    variable_list result(6);
    if (context->needs_input_grad(0)) {
      result[0] = Scores(grads[0], kept.b, kept.places, kept.heads, kept.scale);
    }
    if (context->needs_input_grad(1)) {
      result[1] = Spread(kept.a, grads[0], kept.places, kept.heads, kept.scale, kept.b.size(0));
    }
    return result;
  }
};

class SpreadFunction : public torch::autograd::Function<SpreadFunction> {
 public:
  static at::Tensor forward(AutogradContext* context, const at::Tensor& pairs, const at::Tensor& at_queries,
                            const at::Tensor& places, int64_t heads, double scale, int64_t rows) {
    Keep(context, pairs, at_queries, places, heads, scale);
    return SpreadOf(pairs, at_queries, places, heads, scale, rows);
  }
  static variable_list backward(AutogradContext* context, const variable_list& grads) {
    const Kept kept(context);
    variable_list result(6);
    if (context->needs_input_grad(0)) {
      result[0] = Scores(kept.b, grads[0], kept.places, kept.heads, kept.scale);
    }
    if (context->needs_input_grad(1)) {
      result[1] = Mixed(kept.a, grads[0], kept.places, kept.heads, kept.scale, kept.b.size(0));
    }
    return result;
  }
};

at::Tensor Scores(const at::Tensor& query, const at::Tensor& key, const at::Tensor& places, int64_t heads,
                  double scale) {
  return Differentiated(query, key) ? ScoresFunction::apply(query, key, places, heads, scale)
                                    : ScoresOf(query, key, places, heads, scale);
}

at::Tensor Mixed(const at::Tensor& pairs, const at::Tensor& at_keys, const at::Tensor& places, int64_t heads,
                 double scale, int64_t rows) {
  return Differentiated(pairs, at_keys) ? MixedFunction::apply(pairs, at_keys, places, heads, scale, rows)
                                        : MixedOf(pairs, at_keys, places, heads, scale, rows);
}

at::Tensor Spread(const at::Tensor& pairs, const at::Tensor& at_queries, const at::Tensor& places, int64_t heads,
                  double scale, int64_t rows) {
  return Differentiated(pairs, at_queries) ? SpreadFunction::apply(pairs, at_queries, places, heads, scale, rows)
                                           : SpreadOf(pairs, at_queries, places, heads, scale, rows);
}

// The gradient of softmax: p (g - Σ p g), where p are the weights that softmax returned, g is the gradient of the loss
// with respect to p, and the sum is over the row of a query. As a function of g, this is a symmetric linear map.
class SoftmaxGradientFunction : public torch::autograd::Function<SoftmaxGradientFunction> {
 public:
  static at::Tensor forward(AutogradContext* context, const at::Tensor& weights, const at::Tensor& grad,
                            const at::Tensor& places, int64_t heads) {
    Keep(context, weights, grad, places, heads, 1);
    return SoftmaxGradientOf(weights, grad, places, heads);
  }
  static variable_list backward(AutogradContext* context, const variable_list& grads) {
    const Kept kept(context);
    TORCH_CHECK(!at::GradMode::is_enabled(),
                "attention within texts has no third derivative: the graph of a second "
                "derivative cannot be recorded (create_graph)");
    variable_list result(4);
    if (context->needs_input_grad(0)) {
      result[0] = SoftmaxGradientByWeights(kept.a, kept.b, grads[0], kept.places, kept.heads);
    }
    if (context->needs_input_grad(1)) {
      result[1] = SoftmaxGradient(kept.a, grads[0], kept.places, kept.heads);
    }
    return result;
  }
};

at::Tensor SoftmaxGradient(const at::Tensor& weights, const at::Tensor& grad, const at::Tensor& places, int64_t heads) {
  return Differentiated(weights, grad) ? SoftmaxGradientFunction::apply(weights, grad, places, heads)
                                       : SoftmaxGradientOf(weights, grad, places, heads);
}

// softmax(scale q kᵀ) over the keys within reach: [pairs]. The weights of the other keys are 0, and so are their
// gradients of every order.
class WeightsFunction : public torch::autograd::Function<WeightsFunction> {
 public:
  static at::Tensor Of(const at::Tensor& query, const at::Tensor& key, const at::Tensor& places, int64_t heads,
                       double scale, const Reach& reach, const at::Tensor& read_at) {
    at::Tensor weights = ScoresOf(query, key, places, heads, scale);
    HideKeys(reach, places, heads, read_at, &weights);
    SoftmaxInPlace(&weights, places, heads);
    return weights;
  }

  static at::Tensor forward(AutogradContext* context, const at::Tensor& query, const at::Tensor& key,
                            const at::Tensor& places, int64_t heads, double scale, int64_t before, int64_t after,
                            const at::Tensor& read_at) {
    const at::Tensor weights = Of(query, key, places, heads, scale, {before, after}, read_at);
    context->save_for_backward({query, key, places, weights});
    context->saved_data["heads"] = heads;
    context->saved_data["scale"] = scale;
    return weights;
  }
  static variable_list backward(AutogradContext* context, const variable_list& grads) {
    const Kept kept(context);
    const at::Tensor by_scores = SoftmaxGradient(kept.tensors[3], grads[0], kept.places, kept.heads);
    variable_list result(8);
    if (context->needs_input_grad(0)) {
      result[0] = Mixed(by_scores, kept.b, kept.places, kept.heads, kept.scale, kept.a.size(0));
    }
    if (context->needs_input_grad(1)) {
      result[1] = Spread(by_scores, kept.a, kept.places, kept.heads, kept.scale, kept.b.size(0));
    }
    return result;
  }
};

}  // namespace

at::Tensor AttendWithinTexts(const at::Tensor& query, const at::Tensor& key, const at::Tensor& value,
                             const at::Tensor& places, int64_t heads, double scale, double rate,
                             const at::Tensor& dropped, const Reach& reach, const at::Tensor& read_at) {
  TORCH_CHECK(query.is_cpu() && query.dim() == 2 && key.sizes() == value.sizes() && query.size(1) == key.size(1) &&
                  key.size(1) % heads == 0 && places.dim() == 2 && places.size(1) == 5,
              "AttendWithinTexts: query ", query.sizes(), ", key ", key.sizes(), ", value ", value.sizes(), ", ", heads,
              " heads, places ", places.sizes());
  // LibTorch does not accept undefined tensors here, so an empty one is passed instead.
  const at::Tensor weights = Differentiated(query, key)
                                 ? WeightsFunction::apply(query, key, places, heads, scale, reach.before, reach.after,
                                                          read_at.defined() ? read_at : at::empty({0}, at::kLong))
                                 : WeightsFunction::Of(query, key, places, heads, scale, reach, read_at);
  return Mixed(rate > 0 ? Dropped(weights, rate, dropped) : weights, value, places, heads, 1.0, query.size(0));
}

}  // namespace metaprompt
