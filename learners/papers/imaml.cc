#include "learners/papers/imaml.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

#include <functional>
#include <utility>

#include "learners/inner/detached_task.h"

namespace metaprompt {
namespace {

double Dot(const ParamList& a, const ParamList& b) {
  double sum = 0;
  for (size_t i = 0; i < a.size(); ++i) {
    sum += a[i].mul(b[i]).sum().item<double>();
  }
  return sum;
}

// a + factor b
ParamList Plus(const ParamList& a, double factor, const ParamList& b) {
  ParamList sum;
  for (size_t i = 0; i < a.size(); ++i) {
    sum.push_back(a[i].add(b[i], factor));
  }
  return sum;
}

ParamList OrZeros(ParamList values, const ParamList& like) {
  for (size_t i = 0; i < values.size(); ++i) {
    values[i] = values[i].defined() ? values[i] : at::zeros_like(like[i]);
  }
  return values;
}

// x of (H + λ) x = b by conjugate gradients (Hestenes and Stiefel 1952), H symmetric. Where H + λ is not positive along
// a direction, φ is no minimum and there is no derivative to find: x is what was found before; at the first direction,
// H counts as 0, and the meta-gradient is that to first order.
ParamList Solve(const std::function<ParamList(const ParamList&)>& product, double lambda, const ParamList& b, int steps,
                double tolerance) {
  ParamList x;
  for (const at::Tensor& part : b) {
    x.push_back(at::zeros_like(part));
  }
  ParamList residual = b;
  ParamList direction = b;
  double square = Dot(residual, residual);
  const double enough = tolerance * tolerance * square;
  for (int k = 0; k < steps && square > enough; ++k) {
    const ParamList image = product(direction);
    const double curvature = Dot(direction, image);
    if (!(curvature > 0)) {
      return k == 0 ? Plus(x, 1 / lambda, b) : x;
    }
    x = Plus(x, square / curvature, direction);
    residual = Plus(residual, -square / curvature, image);
    const double next = Dot(residual, residual);
    direction = Plus(residual, next / square, direction);
    square = next;
  }
  return x;
}

}  // namespace

TaskStart Imaml::Start(const Model& model, const ParamList& meta, const Batch& support, const InnerSpec& inner,
                       bool /*learned_rates*/) const {
  TaskStart start = PlainStart(model, meta, support, inner, adapts());
  start.pull = spec().imaml().lambda();
  return start;
}

TaskGradient Imaml::MetaGradient(const Model& model, const ParamList& meta, const Episode& episode,
                                 int64_t /*meta_step*/) const {
  const at::AutoGradMode with_graph(true);
  const auto start = [&](const ParamList& leaves, const Batch& support) {
    return Start(model, leaves, support, spec().inner(), /*learned_rates=*/true);
  };
  const Seam seam = CutOff(model, meta, Learned(model, meta), episode, start, spec().inner());
  const Task& task = seam.task;
  const Batch support = WithoutGraph(task.support);
  InnerState state{WithoutGraph(seam.theta), {}, {}};
  for (int k = 0; k < spec().inner().steps(); ++k) {
    state = PlainStep(task, k, 1.0, support, state, nullptr);
  }
  // φ where it moved; elsewhere the loop's own inputs, which may be wanted.
  ParamList phi = seam.theta;
  for (const size_t i : task.moved) {
    phi[i] = state.params[i].detach().requires_grad_(true);
  }
  const ParamList moved = Select(phi, task.moved);
  std::vector<int64_t> place_of_wanted(seam.wanted.size(), -1);  // in `moved`; -1: it stays
  ParamList stays;
  for (size_t w = 0; w < seam.wanted.size(); ++w) {
    for (size_t j = 0; j < task.moved.size(); ++j) {
      if (seam.wanted[w].is_same(seam.theta[task.moved[j]])) {
        place_of_wanted[w] = static_cast<int64_t>(j);
      }
    }
    if (place_of_wanted[w] < 0) {
      stays.push_back(seam.wanted[w]);
    }
  }

  TaskGradient result;
  const LossAndAccuracy query = LossOf(model, phi, task.query);
  result.query_loss = query.loss.item<double>();
  result.query_accuracy = query.accuracy * static_cast<double>(episode.query.tasks);
  ParamList inputs = moved;
  inputs.insert(inputs.end(), stays.begin(), stays.end());
  const ParamList direct = Gradients({query.loss}, inputs, {}, false, false);
  const auto of_moved = static_cast<int64_t>(moved.size());
  const ParamList outer = OrZeros(ParamList(direct.begin(), direct.begin() + of_moved), moved);

  // (H + λ) v = ∇L(φ; Q). Without inner steps φ is θ itself.
  const double lambda = spec().imaml().lambda();
  ParamList of_start = outer;  // ∂/∂θ_0
  ParamList of_stays(direct.begin() + of_moved, direct.end());
  if (spec().inner().steps() > 0 && !moved.empty()) {
    Task without_pull = task;
    without_pull.pull = 0;
    const ParamList gradient =
        Select(LossGradient(without_pull, phi, task.support, /*create_graph=*/true, nullptr), task.moved);
    const auto product = [&](const ParamList& v) {
      return Plus(OrZeros(Gradients(gradient, moved, v, /*keep_graph=*/true, false), moved), lambda, v);
    };
    const ParamList solved = Solve(product, lambda, outer, spec().imaml().cg_steps(), spec().imaml().cg_tolerance());
    for (size_t j = 0; j < moved.size(); ++j) {
      of_start[j] = solved[j] * lambda;
    }
    ParamList minus;
    for (const at::Tensor& part : solved) {
      minus.push_back(part.neg());
    }
    const ParamList indirect = Gradients(gradient, stays, minus, false, false);
    for (size_t i = 0; i < stays.size(); ++i) {
      Add(indirect[i], &of_stays[i]);
    }
  }
  ParamList of_wanted;
  size_t next = 0;
  for (const int64_t place : place_of_wanted) {
    of_wanted.push_back(place >= 0 ? of_start[static_cast<size_t>(place)] : of_stays[next++]);
  }
  result.grads = seam.ToMeta(of_wanted);
  return result;
}

}  // namespace metaprompt
