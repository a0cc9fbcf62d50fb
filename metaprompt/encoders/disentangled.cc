#include "metaprompt/encoders/disentangled.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>
#include <torch/csrc/autograd/custom_function.h>

#include <vector>

namespace metaprompt {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

// y[..., j] = x[..., index[..., j]], and its transpose, y[..., i] = the sum of x[..., j] over j with index[..., j] = i,
// where i < columns. Each is the derivative of the other. Unlike LibTorch's gather, they do not keep x for the
// derivative.
at::Tensor Chosen(const at::Tensor& x, const at::Tensor& index);
at::Tensor Scattered(const at::Tensor& x, const at::Tensor& index, int64_t columns);

class ChosenFunction : public torch::autograd::Function<ChosenFunction> {
 public:
  static at::Tensor forward(AutogradContext* context, const at::Tensor& x, const at::Tensor& index) {
    context->save_for_backward({index});
    context->saved_data["columns"] = x.size(-1);
    return at::gather(x, -1, index);
  }
  static variable_list backward(AutogradContext* context, const variable_list& grads) {
    return {Scattered(grads[0], context->get_saved_variables()[0], context->saved_data["columns"].toInt()), {}};
  }
};

class ScatteredFunction : public torch::autograd::Function<ScatteredFunction> {
 public:
  static at::Tensor Of(const at::Tensor& x, const at::Tensor& index, int64_t columns) {
    std::vector<int64_t> shape = x.sizes().vec();
    shape.back() = columns;
    return at::zeros(shape, x.options()).scatter_add_(-1, index, x);
  }
  static at::Tensor forward(AutogradContext* context, const at::Tensor& x, const at::Tensor& index, int64_t columns) {
    context->save_for_backward({index});
    return Of(x, index, columns);
  }
  static variable_list backward(AutogradContext* context, const variable_list& grads) {
    return {Chosen(grads[0], context->get_saved_variables()[0]), {}, {}};
  }
};

bool Differentiated(const at::Tensor& x) { return at::GradMode::is_enabled() && x.requires_grad(); }

at::Tensor Chosen(const at::Tensor& x, const at::Tensor& index) {
  return Differentiated(x) ? ChosenFunction::apply(x, index) : at::gather(x, -1, index);
}

at::Tensor Scattered(const at::Tensor& x, const at::Tensor& index, int64_t columns) {
  return Differentiated(x) ? ScatteredFunction::apply(x, index, columns) : ScatteredFunction::Of(x, index, columns);
}

// The row of each distance (position of the query minus position of the key): span() plus the distance, or plus its
// bucket.
at::Tensor RowsOf(const DisentangledConfig& config, const at::Tensor& distance) {
  at::Tensor bucket = distance;
  if (config.buckets > 0) {
    const int64_t middle = config.buckets / 2;
    const at::Tensor away = distance.abs();
    // In float32 and in this order, as in the training of DeBERTa, because the result is rounded up.
    const at::Tensor widest =
        at::log(at::full({}, static_cast<double>(config.farthest - 1) / static_cast<double>(middle), at::kFloat));
    const at::Tensor far = at::ceil(at::log(away.clamp_min(middle).to(at::kFloat) / middle) /
                                    widest.to(distance.device()) * static_cast<double>(middle - 1)) +
                           middle;
    bucket = at::where(away <= middle, distance, far.to(at::kLong) * distance.sign());
  }
  return (bucket + config.span()).clamp(0, 2 * config.span() - 1);
}

// The products of x [B, H, L, d] with each of `vectors` [count, D]: [H, B, L, count].
at::Tensor WithVectors(const at::Tensor& x, const at::Tensor& vectors) {
  const int64_t heads = x.size(1);
  const at::Tensor rows = x.transpose(0, 1).reshape({heads, -1, x.size(3)});
  const at::Tensor columns = vectors.view({vectors.size(0), heads, x.size(3)}).permute({1, 2, 0});
  return at::bmm(rows, columns).view({heads, x.size(0), x.size(2), vectors.size(0)});
}

}  // namespace

DistanceRows DistanceRowsOf(const DisentangledConfig& config, const TextInputs& texts, bool slots_alone) {
  const Packing& packing = texts.packing();
  const int64_t longest = packing.longest;
  const at::Tensor key = at::arange(longest, packing.packed_from.options());
  const at::Tensor query =
      slots_alone ? packing.packed_from.index_select(0, packing.read_from).remainder(longest).view({-1, 1, 1})
                  : key.view({1, longest, 1});
  const at::Tensor ends = RowsOf(config, at::tensor({1 - longest, longest - 1}, at::kLong));
  DistanceRows rows;
  rows.first = ends[0].item<int64_t>();
  rows.count = ends[1].item<int64_t>() - rows.first + 1;
  rows.index = RowsOf(config, query - key) - rows.first;
  return rows;
}

at::Tensor DistanceScores(const at::Tensor& query, const at::Tensor& key, const at::Tensor& of_keys,
                          const at::Tensor& of_queries, const at::Tensor& index) {
  const int64_t heads = query.size(1);
  const int64_t texts = query.size(0);
  at::Tensor scores;
  if (of_keys.defined()) {
    scores = Chosen(WithVectors(query, of_keys), index.expand({heads, texts, query.size(2), key.size(2)}));
  }
  if (of_queries.defined()) {
    const at::Tensor by_key = index.transpose(1, 2).expand({heads, texts, key.size(2), query.size(2)});
    const at::Tensor of_positions = Chosen(WithVectors(key, of_queries), by_key).transpose(2, 3);
    scores = scores.defined() ? scores + of_positions : of_positions;
  }
  return scores.transpose(0, 1);
}

}  // namespace metaprompt
