#include "learners/inner/unroll.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>
#include <c10/util/Exception.h>

#include <algorithm>
#include <cmath>
#include <exception>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/string_view.h"
#include "learners/inner/gradients.h"

namespace metaprompt {
namespace {

// One inner step, with a graph from `state` to the result. If `first_order`, the gradient of the support loss is a
// constant in this graph.
InnerState GraphStep(const Task& task, int64_t step, bool first_order, const InnerState& state) {
  if (task.moved.empty()) {
    return state;
  }
  const ModelParams params = first_order ? WithMovedLeaves(task, state.params) : state.params;
  const Batch support = StepBatch(task.inner, task.support, step);
  const ParamList grads = LossGradient(task, params, support, /*create_graph=*/!first_order, nullptr);
  return InnerStep(task.inner, task.rates, task.decay, step, 1.0, grads, state);
}

// Computes the gradient of Σ_k w_k L(θ_k; Q) with respect to the inputs of a detached task. Call exactly one of
// KeepGraph, FirstOrder and Recompute, once, and then read the results.
class Unrolled {
 public:
  Unrolled(const DetachedTask& detached, const Unrolling& unrolling)
      : task_(detached.task),
        theta_(detached.theta),
        inputs_(detached.InputLeaves()),
        place_in_moved_(detached.PlacesInMoved()),
        unrolling_(unrolling),
        steps_(detached.task.inner.steps()),
        sums_(inputs_.size()) {}

  // Second order: builds the graph of all steps and differentiates it once.
  void KeepGraph() {
    InnerState state{theta_, {}, {}};
    at::Tensor total;
    ForEachStep(&state, [&](int64_t step, double weight) {
      const at::Tensor loss = QueryLoss(state.params, step, weight) * weight;
      total = total.defined() ? total + loss : loss;
    });
    AddToSums(Gradients({total}, inputs_, {}, false, false));
  }

  // First order: differentiates each query loss separately, so that its graph is freed before the next step. The graph
  // of the steps is small, because it contains no forward pass.
  void FirstOrder() {
    InnerState state{theta_, {}, {}};
    ForEachStep(&state, [&](int64_t step, double weight) {
      AddToSums(Gradients({QueryLoss(state.params, step, weight) * weight}, inputs_, {}, /*keep_graph=*/true, false));
    });
  }

  // Second order, with the graph of only one step in memory. The adjoint λ_k is the gradient of all query losses after
  // step k or later, with respect to θ_k. It is computed from the last step to the first:
  //
  //     λ_K = w_K ∇L(θ_K; Q),   λ_k = (∂θ_{k+1}/∂θ_k)ᵀ λ_{k+1} + w_k ∇L(θ_k; Q).
  //
  // The gradient with respect to the parameters that move is λ_0. The gradients with respect to the other inputs, such
  // as learned step sizes, are sums over the steps and query losses.
  void Recompute() {
    Forward();
    ParamList adjoint(3 * task_.moved.size());  // of the parameters that move, then of their first and second moments
    for (int k = steps_; k > 0; --k) {
      if (const double weight = unrolling_.weights[static_cast<size_t>(k - 1)]; weight != 0) {
        const ModelParams params = WithLeaves(StateAt(k).params);
        Differentiate({QueryLoss(params, k, weight) * weight}, {}, Pick(params, task_.moved), &adjoint,
                      /*replace=*/false);
      }
      StepBack(k, &adjoint);
    }
    for (size_t i = 0; i < inputs_.size(); ++i) {
      if (Moves(i)) {
        Add(adjoint[static_cast<size_t>(place_in_moved_[i])], &sums_[i]);
      }
    }
  }

  // The gradient with respect to each input.
  const ParamList& sums() const { return sums_; }
  // Σ_k w_k L(θ_k; Q).
  double objective() const {
    double sum = 0;
    for (const auto& [weight, loss] : losses_) {
      sum += weight * loss.item<double>();
    }
    return sum;
  }
  // The query loss and accuracy after the last step.
  double last_loss() const { return last_.loss.item<double>(); }
  double last_accuracy() const { return last_.accuracy(); }

 private:
  void AddToSums(const ParamList& grads) {
    for (size_t i = 0; i < grads.size(); ++i) {
      Add(grads[i], &sums_[i]);
    }
  }

  // Takes all steps with a graph. After each step whose weight is not 0, calls at_query(number of steps taken, weight).
  template <typename Function>
  void ForEachStep(InnerState* state, const Function& at_query) {
    for (size_t k = 0; k < unrolling_.weights.size(); ++k) {
      if (steps_ > 0) {
        *state = GraphStep(task_, static_cast<int64_t>(k), !unrolling_.second_order, *state);
      }
      if (unrolling_.weights[k] != 0) {
        at_query(static_cast<int64_t>(steps_ > 0 ? k + 1 : 0), unrolling_.weights[k]);
      }
    }
  }

  // Returns L(params; Q) after `step` steps, and adds it with its weight to the objective.
  at::Tensor QueryLoss(const ModelParams& params, int64_t step, double weight) {
    const LossAndAccuracy query = LossOf(*task_.model, params, QueryBatch(task_.query, step));
    losses_.emplace_back(weight, query.loss.detach());
    // The reported loss is the last step's, which Recompute computes first.
    if (!backwards_ || losses_.size() == 1) {
      last_ = {losses_.back().second, query.right, query.rows};
    }
    return query.loss;
  }

  // Takes all K steps without a graph and keeps some of the states: all of them if they are small or few, otherwise
  // every s-th one, with s = ⌈√K⌉. In the latter case about √K states are kept, and Recompute holds about √K more at a
  // time, those between two kept ones.
  void Forward() {
    backwards_ = true;
    constexpr int64_t kSmall = int64_t{64} << 20;  // bytes
    constexpr int kFew = 3;  // at K = 3, s = 2 would save one state, at the cost of one more forward and backward pass
    int64_t bytes = 0;
    for (const size_t i : task_.moved) {
      bytes += static_cast<int64_t>(theta_[i].nbytes()) * (task_.inner.optimizer() == InnerSpec::ADAMW ? 3 : 1);
    }
    stride_ = bytes * steps_ <= kSmall || steps_ <= kFew
                  ? 1
                  : static_cast<int>(std::ceil(std::sqrt(static_cast<double>(steps_))));
    plain_support_ = WithoutGraph(task_.support);
    InnerState state{WithoutGraph(theta_), {}, {}};
    kept_.resize(static_cast<size_t>(steps_) + 1);
    kept_[0] = state;
    for (int k = 1; k <= steps_; ++k) {
      state = PlainStep(task_, k - 1, 1.0, plain_support_, state, nullptr);
      if (k % stride_ == 0 || k == steps_) {
        kept_[static_cast<size_t>(k)] = state;
      }
    }
  }

  // The state after step k. If it was not kept, the steps from the last kept state before it are taken again, and all
  // their results are kept.
  const InnerState& StateAt(int k) {
    if (kept_[static_cast<size_t>(k)].params.size() == 0) {
      const int from = k - k % stride_;
      for (int j = from + 1; j <= k; ++j) {
        kept_[static_cast<size_t>(j)] =
            PlainStep(task_, j - 1, 1.0, plain_support_, kept_[static_cast<size_t>(j - 1)], nullptr);
      }
    }
    return kept_[static_cast<size_t>(k)];
  }

  // Differentiates Σ_i weights[i] · outputs[i]. Adds the gradients with respect to the inputs that do not move to the
  // sums. Adds the gradient with respect to leaves[j] to (*adjoint)[j] or, if `replace` is set, replaces (*adjoint)[j]
  // by it.
  void Differentiate(const ParamList& outputs, const ParamList& weights, const ParamList& leaves, ParamList* adjoint,
                     bool replace) {
    ParamList in;
    std::vector<size_t> sum_of;  // for each input in `in`: its place in sums_
    for (size_t i = 0; i < inputs_.size(); ++i) {
      if (!Moves(i)) {
        in.push_back(inputs_[i]);
        sum_of.push_back(i);
      }
    }
    std::vector<size_t> adjoint_of;  // for each leaf in `in`: its place in the adjoint
    for (size_t j = 0; j < leaves.size(); ++j) {
      if (leaves[j].defined() && leaves[j].requires_grad()) {
        in.push_back(leaves[j]);
        adjoint_of.push_back(j);
      }
    }
    const ParamList grads = Gradients(outputs, in, weights, false, false);
    for (size_t i = 0; i < sum_of.size(); ++i) {
      Add(grads[i], &sums_[sum_of[i]]);
    }
    if (replace) {
      std::fill(adjoint->begin(), adjoint->end(), at::Tensor());
    }
    for (size_t j = 0; j < adjoint_of.size(); ++j) {
      Add(grads[sum_of.size() + j], &(*adjoint)[adjoint_of[j]]);
    }
  }

  // Replaces the adjoint after step k by the adjoint before it: takes step k again, with a graph, and differentiates
  // it.
  void StepBack(int k, ParamList* adjoint) {
    kept_[static_cast<size_t>(k)] = InnerState();  // not needed again
    InnerState state = StateAt(k - 1);
    state.params = WithLeaves(state.params);
    for (ParamList* moments : {&state.first, &state.second}) {
      for (at::Tensor& moment : *moments) {
        moment = moment.defined() ? moment.detach().requires_grad_(true) : moment;
      }
    }
    const InnerState next = GraphStep(task_, k - 1, /*first_order=*/false, state);
    ParamList outputs;
    ParamList weights;
    ParamList leaves;
    const auto add = [&](const ParamList& outs, const ParamList& ins) {
      for (size_t j = 0; j < outs.size(); ++j) {
        const at::Tensor& weight = (*adjoint)[leaves.size()];
        if (weight.defined() && outs[j].defined()) {
          outputs.push_back(outs[j]);
          weights.push_back(weight);
        }
        leaves.push_back(ins[j]);
      }
    };
    add(Pick(next.params, task_.moved), Pick(state.params, task_.moved));
    add(Pick(next.first, task_.moved), Pick(state.first, task_.moved));
    add(Pick(next.second, task_.moved), Pick(state.second, task_.moved));
    Differentiate(outputs, weights, leaves, adjoint, /*replace=*/true);
  }

  // The parameters of a kept state. Those that move are new leaves. The others are leaves of the detached task, which
  // may be inputs.
  ModelParams WithLeaves(const ModelParams& kept) const {
    ModelParams params = theta_;
    for (const size_t i : task_.moved) {
      params[i] = kept[i].detach().requires_grad_(true);
    }
    return params;
  }

  // Whether input i is a parameter that moves.
  bool Moves(size_t i) const { return place_in_moved_[i] >= 0; }

  const Task& task_;
  const ModelParams theta_;
  const ParamList inputs_;
  const std::vector<int64_t> place_in_moved_;  // of each input; -1: it does not move
  const Unrolling& unrolling_;
  const int steps_;
  ParamList sums_;
  std::vector<std::pair<double, at::Tensor>> losses_;  // the query losses and their weights, without graphs
  LossAndAccuracy last_;                               // after the last step
  bool backwards_ = false;
  int stride_ = 1;
  Batch plain_support_;           // without a graph
  std::vector<InnerState> kept_;  // after step k at [k]; empty: not kept
};

// An estimate of the bytes that the graph of all steps takes. A step that is differentiated twice keeps its forward
// pass, its backward pass and the inputs of both, together about three times the forward pass.
double GraphBytes(const Task& task, const ModelParams& params, const Unrolling& unrolling) {
  double step = 3 * task.model->GraphBytes(task.support);
  for (const size_t i : task.moved) {
    step += 2 * static_cast<double>(params[i].nbytes());
  }
  const auto queries =
      std::count_if(unrolling.weights.begin(), unrolling.weights.end(), [](double w) { return w != 0; });
  return step * task.inner.steps() + static_cast<double>(queries) * task.model->GraphBytes(task.query);
}

// Whether the meta-gradient is computed by Unrolled::Recompute.
bool Recomputes(const Task& task, const ModelParams& params, const Unrolling& unrolling) {
  if (!unrolling.second_order || task.moved.empty() || task.inner.steps() == 0) {
    return false;
  }
  switch (unrolling.way.way()) {
    case MetaGradientSpec::KEEP_GRAPH:
      return false;
    case MetaGradientSpec::RECOMPUTE:
      return true;
    case MetaGradientSpec::AUTO:
      break;
  }
  return GraphBytes(task, params, unrolling) > static_cast<double>(unrolling.way.max_graph_mib()) * (1 << 20);
}

// Throws LibTorch's error again. If the error is that an operation cannot be differentiated twice, adds a remedy.
[[noreturn]] void Rethrow(const std::exception& error) {
  // LibTorch names the operation: "the derivative for '...' is not implemented".
  if (!absl::StrContains(error.what(), "is not implemented")) {
    throw;
  }
  const absl::string_view what = error.what();
  TORCH_CHECK(false, "the exact meta-gradient differentiates the inner steps, and an operation of the model can be ",
              "differentiated only once: ", std::string(what.substr(0, what.find('\n'))),
              "; set learner.maml.order to FIRST");
}

}  // namespace

std::vector<double> LastStepWeight(int steps) {
  std::vector<double> weights(static_cast<size_t>(std::max(1, steps)), 0.0);
  weights.back() = 1.0;
  return weights;
}

TaskGradient UnrolledGradient(const Model& model, const ParamList& meta, const std::vector<bool>& learned,
                              const Episode& episode, const StartFunction& start, const InnerSpec& inner,
                              const Unrolling& unrolling) {
  const at::AutoGradMode with_graph(true);
  const DetachedTask detached = Detach(model, meta, learned, episode, start, inner);
  Unrolled unrolled(detached, unrolling);
  TaskGradient result;
  result.recomputed = Recomputes(detached.task, detached.theta, unrolling);
  if (!unrolling.second_order) {
    unrolled.FirstOrder();
  } else {
    try {
      if (result.recomputed) {
        unrolled.Recompute();
      } else {
        unrolled.KeepGraph();
      }
    } catch (const std::exception& error) {
      Rethrow(error);
    }
  }
  result.grads = detached.ToMeta(unrolled.sums());
  result.query_loss = unrolled.last_loss();
  result.query_accuracy = unrolled.last_accuracy() * static_cast<double>(episode.query.tasks);
  if (unrolling.second_order) {
    result.objective = unrolled.objective();
  }
  return result;
}

}  // namespace metaprompt
