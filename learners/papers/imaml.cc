#include "learners/papers/imaml.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

#include <functional>
#include <utility>

#include "learners/inner/detached_task.h"
#include "learners/inner/gradients.h"

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

// Solves (H + λ) x = b by conjugate gradients (Hestenes and Stiefel 1952). H is symmetric. `product` computes (H + λ)
// v. If the curvature along a direction is not positive, then φ is not a minimum and has no derivative. The result is
// then what has been computed so far or, at the first direction, the solution for H = 0, which leads to the first-order
// meta-gradient.
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

// Takes the inner steps without a graph. Returns θ_0 with the parameters that move replaced by φ, as new leaves.
ModelParams Minimum(const DetachedTask& detached) {
  const Task& task = detached.task;
  const Batch support = WithoutGraph(task.support);
  InnerState state{WithoutGraph(detached.theta), {}, {}};
  for (int k = 0; k < task.inner.steps(); ++k) {
    state = PlainStep(task, k, 1.0, support, state, nullptr);
  }
  ModelParams phi = detached.theta;
  for (const size_t i : task.moved) {
    phi[i] = state.params[i].detach().requires_grad_(true);
  }
  return phi;
}

// Differentiates through the minimum φ, whose leaves are `moved`. Let v be the solution of (H + λ) v = ∇L(φ; Q).
// Replaces *of_moved, which is ∇L(φ; Q), by the gradient with respect to θ_0, λ v. Adds −vᵀ ∂∇L(φ; S)/∂ `stays` to
// *of_stays.
void GoThroughMinimum(const Task& task, const ModelParams& phi, const ParamList& moved, const ParamList& stays,
                      const ImamlSpec& spec, ParamList* of_moved, ParamList* of_stays) {
  const double lambda = spec.lambda();
  Task without_pull = task;
  without_pull.pull = 0;
  const ParamList gradient =
      Pick(LossGradient(without_pull, phi, task.support, /*create_graph=*/true, nullptr), task.moved);
  const auto product = [&](const ParamList& v) {
    return Plus(OrZeros(Gradients(gradient, moved, v, /*keep_graph=*/true, false), moved), lambda, v);
  };
  const ParamList solved = Solve(product, lambda, *of_moved, spec.cg_steps(), spec.cg_tolerance());
  ParamList minus;
  for (size_t j = 0; j < moved.size(); ++j) {
    (*of_moved)[j] = solved[j] * lambda;
    minus.push_back(solved[j].neg());
  }
  const ParamList indirect = Gradients(gradient, stays, minus, false, false);
  for (size_t i = 0; i < stays.size(); ++i) {
    Add(indirect[i], &(*of_stays)[i]);
  }
}

}  // namespace

TaskStart Imaml::Start(const Model& model, const MetaParams& meta, const Batch& support, const InnerSpec& inner,
                       bool /*learned_rates*/) const {
  TaskStart start = PlainStart(model, meta, support, inner, adapts());
  start.pull = spec().imaml().lambda();
  return start;
}

TaskGradient Imaml::MetaGradient(const Model& model, const ParamList& meta, const Episode& episode,
                                 int64_t /*meta_step*/) const {
  const at::AutoGradMode with_graph(true);
  const auto start = [&](const MetaParams& leaves, const Batch& support) {
    return Start(model, leaves, support, spec().inner(), /*learned_rates=*/true);
  };
  const DetachedTask detached = Detach(model, meta, Learned(model, meta), episode, start, spec().inner());
  const Task& task = detached.task;
  // φ for the parameters that move. The others are leaves of the detached task, which may be inputs.
  const ModelParams phi = Minimum(detached);
  const ParamList moved = Pick(phi, task.moved);
  const std::vector<int64_t> places = detached.PlacesInMoved();  // for each input; -1: the input does not move
  ParamList stays;
  for (size_t i = 0; i < places.size(); ++i) {
    if (places[i] < 0) {
      stays.push_back(detached.inputs[i].leaf);
    }
  }

  TaskGradient result;
  const LossAndAccuracy query = LossOf(model, phi, task.query);
  result.query_loss = query.loss.item<double>();
  result.query_accuracy = query.accuracy() * static_cast<double>(episode.query.tasks);
  ParamList inputs = moved;
  inputs.insert(inputs.end(), stays.begin(), stays.end());
  const ParamList direct = Gradients({query.loss}, inputs, {}, false, false);
  const auto of_moved = static_cast<int64_t>(moved.size());
  ParamList of_start = OrZeros(ParamList(direct.begin(), direct.begin() + of_moved), moved);  // with respect to θ_0
  ParamList of_stays(direct.begin() + of_moved, direct.end());
  if (spec().inner().steps() > 0 && !moved.empty()) {  // otherwise φ is θ_0
    GoThroughMinimum(task, phi, moved, stays, spec().imaml(), &of_start, &of_stays);
  }
  ParamList of_inputs;
  size_t next = 0;
  for (const int64_t place : places) {
    of_inputs.push_back(place >= 0 ? of_start[static_cast<size_t>(place)] : of_stays[next++]);
  }
  result.grads = detached.ToMeta(of_inputs);
  return result;
}

}  // namespace metaprompt
