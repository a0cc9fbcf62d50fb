#include "learners/inner/unroll.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>
#include <c10/util/Exception.h>

#include <algorithm>
#include <cmath>
#include <exception>
#include <string>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/string_view.h"

namespace metaprompt {
namespace {

// A step whose result is a function of `state`, to all orders or, with `first_order`, but for the gradient.
InnerState GraphStep(const Task& task, int64_t step, bool first_order, const InnerState& state) {
  if (task.moved.empty()) {
    return state;
  }
  const ParamList grads = first_order ? LossGradient(task, WithMovedLeaves(task, state.params), task.support,
                                                     /*create_graph=*/false, nullptr)
                                      : LossGradient(task, state.params, task.support, /*create_graph=*/true, nullptr);
  return InnerStep(task.inner, task.rates, task.decay, step, 1.0, grads, state);
}

// ∂ Σ_k w_k L(θ_k; Q) in the loop's inputs that are wanted.
class Unrolled {
 public:
  Unrolled(const Task& task, ParamList theta, std::vector<at::Tensor> wanted, const Unrolling& unrolling)
      : task_(task),
        theta_(std::move(theta)),
        wanted_(std::move(wanted)),
        unrolling_(unrolling),
        steps_(task.inner.steps()),
        sums_(wanted_.size()) {}

  void KeepGraph() {
    InnerState state{theta_, {}, {}};
    at::Tensor total;
    ForEachStep(&state, [&](double weight) {
      const at::Tensor loss = Query(state.params, weight) * weight;
      total = total.defined() ? total + loss : loss;
    });
    AddAll(Gradients({total}, wanted_, {}, false, false));
  }

  // The graph of the steps holds their gradients alone; that of each query loss goes as soon as it is differentiated.
  void FirstOrder() {
    InnerState state{theta_, {}, {}};
    ForEachStep(&state, [&](double weight) {
      AddAll(Gradients({Query(state.params, weight) * weight}, wanted_, {}, /*keep_graph=*/true, false));
    });
  }

  // λ_k = ∂/∂θ_k of all losses from step k on: λ_k = (∂θ_{k+1}/∂θ_k)ᵀ λ_{k+1} + w_k ∇L(θ_k; Q), from the last step to
  // the first, with one step's graph at a time. Everything else that steps and losses depend on collects its own share.
  void Recompute() {
    Forward();
    ParamList adjoint(3 * task_.moved.size());  // of parameters and both moments
    for (int k = steps_; k > 0; --k) {
      if (const double weight = unrolling_.weights[static_cast<size_t>(k - 1)]; weight != 0) {
        const ParamList leaves = AsConstants(StateAt(k).params);
        Differentiate({Query(leaves, weight) * weight}, {}, Select(leaves, task_.moved), &adjoint, false);
      }
      StepBack(k, &adjoint);
    }
    for (size_t j = 0; j < task_.moved.size(); ++j) {
      for (size_t i = 0; i < wanted_.size(); ++i) {
        if (wanted_[i].is_same(theta_[task_.moved[j]])) {
          Add(adjoint[j], &sums_[i]);
        }
      }
    }
  }

  const ParamList& sums() const { return sums_; }
  double objective() const { return objective_; }
  double last_loss() const { return last_loss_; }
  double last_accuracy() const { return last_accuracy_; }

 private:
  void AddAll(const ParamList& grads) {
    for (size_t i = 0; i < grads.size(); ++i) {
      Add(grads[i], &sums_[i]);
    }
  }

  template <typename Function>
  void ForEachStep(InnerState* state, const Function& at_query) {
    for (size_t k = 0; k < unrolling_.weights.size(); ++k) {
      if (steps_ > 0) {
        *state = GraphStep(task_, static_cast<int64_t>(k), !unrolling_.second_order, *state);
      }
      if (unrolling_.weights[k] != 0) {
        at_query(unrolling_.weights[k]);
      }
    }
  }

  at::Tensor Query(const ParamList& params, double weight) {
    const LossAndAccuracy query = LossOf(*task_.model, params, task_.query);
    const auto value = query.loss.item<double>();
    objective_ += weight * value;
    // Steps come in both directions; the last one's is the one that counts, and the others come before or after it.
    if (!recomputing_ || !last_seen_) {
      last_loss_ = value;
      last_accuracy_ = query.accuracy;
      last_seen_ = true;
    }
    return query.loss;
  }

  // Keeps θ_0, θ_s, θ_2s, ...: all of them while they are small, else about √K, and as many again while a stretch
  // between two of them is gone through.
  void Forward() {
    recomputing_ = true;
    constexpr int64_t kSmall = int64_t{64} << 20;
    int64_t bytes = 0;
    for (const size_t i : task_.moved) {
      bytes += static_cast<int64_t>(theta_[i].nbytes()) * (task_.inner.optimizer() == InnerSpec::ADAMW ? 3 : 1);
    }
    stride_ = bytes * steps_ <= kSmall ? 1 : static_cast<int>(std::ceil(std::sqrt(static_cast<double>(steps_))));
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

  // θ_k; goes through the stretch before it where it was not kept.
  const InnerState& StateAt(int k) {
    if (kept_[static_cast<size_t>(k)].params.empty()) {
      const int from = k - k % stride_;
      for (int j = from + 1; j <= k; ++j) {
        kept_[static_cast<size_t>(j)] =
            PlainStep(task_, j - 1, 1.0, plain_support_, kept_[static_cast<size_t>(j - 1)], nullptr);
      }
    }
    return kept_[static_cast<size_t>(k)];
  }

  // Adds the derivatives of `outputs` in the wanted inputs to the sums, and those in `leaves` to the adjoint or, with
  // `replace`, puts them in its place. What moves reaches the sums by the adjoint alone.
  void Differentiate(const ParamList& outputs, const ParamList& weights, const ParamList& leaves, ParamList* adjoint,
                     bool replace) {
    ParamList inputs;
    std::vector<size_t> of_sum;  // place in sums_
    for (size_t i = 0; i < wanted_.size(); ++i) {
      if (!IsMoved(i)) {
        inputs.push_back(wanted_[i]);
        of_sum.push_back(i);
      }
    }
    std::vector<size_t> of_adjoint;  // place in the adjoint
    for (size_t j = 0; j < leaves.size(); ++j) {
      if (leaves[j].defined() && leaves[j].requires_grad()) {
        inputs.push_back(leaves[j]);
        of_adjoint.push_back(j);
      }
    }
    const ParamList grads = Gradients(outputs, inputs, weights, false, false);
    for (size_t i = 0; i < of_sum.size(); ++i) {
      Add(grads[i], &sums_[of_sum[i]]);
    }
    if (replace) {
      std::fill(adjoint->begin(), adjoint->end(), at::Tensor());
    }
    for (size_t j = 0; j < of_adjoint.size(); ++j) {
      Add(grads[of_sum.size() + j], &(*adjoint)[of_adjoint[j]]);
    }
  }

  // λ_{k-1} from λ_k.
  void StepBack(int k, ParamList* adjoint) {
    const size_t n = task_.moved.size();
    kept_[static_cast<size_t>(k)] = InnerState();  // no longer needed
    InnerState state = StateAt(k - 1);
    state.params = AsConstants(state.params);
    for (ParamList* moments : {&state.first, &state.second}) {
      for (at::Tensor& moment : *moments) {
        moment = moment.defined() ? moment.detach().requires_grad_(true) : moment;
      }
    }
    const InnerState next = GraphStep(task_, k - 1, /*first_order=*/false, state);
    ParamList outputs;
    ParamList weights;
    ParamList leaves;
    for (const auto& [to, from] :
         {std::make_pair(&next.params, &state.params), std::make_pair(&next.first, &state.first),
          std::make_pair(&next.second, &state.second)}) {
      const ParamList outs = Select(*to, task_.moved);
      const ParamList ins = Select(*from, task_.moved);
      for (size_t j = 0; j < n; ++j) {
        const at::Tensor& weight = (*adjoint)[leaves.size()];
        if (weight.defined() && outs[j].defined()) {
          outputs.push_back(outs[j]);
          weights.push_back(weight);
        }
        leaves.push_back(ins[j]);
      }
    }
    Differentiate(outputs, weights, leaves, adjoint, /*replace=*/true);
  }

  // The parameters of a kept state with leaves for what moves; what stays is the loop's own input, which may be wanted.
  ParamList AsConstants(const ParamList& kept) const {
    ParamList params = theta_;
    for (const size_t i : task_.moved) {
      params[i] = kept[i].detach().requires_grad_(true);
    }
    return params;
  }

  bool IsMoved(size_t wanted) const {
    return std::any_of(task_.moved.begin(), task_.moved.end(),
                       [&](size_t i) { return wanted_[wanted].is_same(theta_[i]); });
  }

  const Task& task_;
  const ParamList theta_;
  const std::vector<at::Tensor> wanted_;
  const Unrolling& unrolling_;
  const int steps_;
  ParamList sums_;
  double objective_ = 0;
  double last_loss_ = 0;
  double last_accuracy_ = 0;
  bool last_seen_ = false;
  bool recomputing_ = false;
  int stride_ = 1;
  Batch plain_support_;
  std::vector<InnerState> kept_;
};

// About how many bytes the graph of all steps keeps. A step that is differentiated twice keeps its forward pass, its
// backward pass and the inputs of both: about three forward passes.
double GraphBytes(const Task& task, const ParamList& params, const Unrolling& unrolling) {
  double step = 3 * task.model->GraphBytes(task.support);
  for (const size_t i : task.moved) {
    step += 2 * static_cast<double>(params[i].nbytes());
  }
  const auto queries =
      std::count_if(unrolling.weights.begin(), unrolling.weights.end(), [](double w) { return w != 0; });
  return step * task.inner.steps() + static_cast<double>(queries) * task.model->GraphBytes(task.query);
}

bool Recomputes(const Task& task, const ParamList& params, const Unrolling& unrolling) {
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
  const Seam seam = CutOff(model, meta, learned, episode, start, inner);
  Unrolled unrolled(seam.task, seam.theta, seam.wanted, unrolling);
  TaskGradient result;
  result.recomputed = Recomputes(seam.task, seam.theta, unrolling);
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
      // LibTorch's own words name the operation: "the derivative for '...' is not implemented".
      if (!absl::StrContains(error.what(), "is not implemented")) {
        throw;
      }
      const absl::string_view what = error.what();
      TORCH_CHECK(false,
                  "the exact meta-gradient differentiates the inner steps, and an operation of the model can be ",
                  "differentiated only once: ", std::string(what.substr(0, what.find('\n'))),
                  "; learner.maml.order: FIRST does without");
    }
  }
  result.grads = seam.ToMeta(unrolled.sums());
  result.query_loss = unrolled.last_loss();
  result.query_accuracy = unrolled.last_accuracy() * static_cast<double>(episode.query.tasks);
  if (unrolling.second_order) {
    result.objective = unrolled.objective();
  }
  return result;
}

}  // namespace metaprompt
