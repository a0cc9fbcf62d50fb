#include "learners/inner/inner_loop.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>
#include <torch/csrc/autograd/autograd.h>

#include <algorithm>
#include <cmath>

#include "absl/strings/match.h"
#include "learners/bases/class_means.h"
#include "learners/inner/adamw.h"
#include "metaprompt/base/random.h"

namespace metaprompt {
namespace {

int TopLayer(const std::vector<ParamInfo>& infos) {
  int top = 0;
  for (const ParamInfo& info : infos) {
    top = std::max(top, info.layer);
  }
  return top;
}

}  // namespace

double ConstantRate(const InnerSpec& inner, ParamGroup group) {
  switch (group) {
    case ParamGroup::kEncoder:
      return inner.encoder_lr();
    case ParamGroup::kPrompt:
      return inner.prompt_lr();
    case ParamGroup::kLora:
      return inner.lora_lr();
    case ParamGroup::kLearner:
      break;
  }
  return 0;
}

std::vector<size_t> MovedPlaces(const Model& model, const InnerSpec& inner, const ScopeSpec& adapts) {
  const std::vector<bool> in = InScope(model.params(), adapts);
  std::vector<size_t> places;
  for (size_t i = 0; i < in.size(); ++i) {
    if (in[i] && ConstantRate(inner, model.params()[i].group) != 0) {
      places.push_back(i);
    }
  }
  return places;
}

std::vector<bool> InScope(const std::vector<ParamInfo>& infos, const ScopeSpec& scope) {
  const int top = TopLayer(infos);
  std::vector<bool> in;
  in.reserve(infos.size());
  for (const ParamInfo& info : infos) {
    const bool prompt = info.group == ParamGroup::kPrompt;
    bool named = false;
    switch (scope.part()) {
      case ScopeSpec::ALL:
        named = true;
        break;
      case ScopeSpec::PROMPT:
        named = prompt;
        break;
      case ScopeSpec::ENCODER:
        named = !prompt;
        break;
      case ScopeSpec::LAST_LAYERS:
        named = prompt || info.layer >= top - scope.layers();
        break;
      case ScopeSpec::BIASES:
        named = prompt || absl::EndsWith(info.name, "bias");
        break;
      case ScopeSpec::LORA:
        named = prompt || info.group == ParamGroup::kLora;
        break;
      case ScopeSpec::VECTORS:
        named = prompt && !info.prompt_map;
        break;
      case ScopeSpec::NONE:
        break;
    }
    const bool empty =
        std::find(info.shape.begin(), info.shape.end(), 0) != info.shape.end();  // a prompt of no vectors
    in.push_back(named && !empty);
  }
  return in;
}

ParamList Leaves(const ParamList& params, const std::vector<bool>& wanted) {
  ParamList leaves;
  leaves.reserve(params.size());
  for (size_t i = 0; i < params.size(); ++i) {
    leaves.push_back(params[i].detach().requires_grad_(wanted[i]));
  }
  return leaves;
}

TaskStart PlainStart(const Model& model, const ParamList& meta, const Batch& support, const InnerSpec& inner,
                     const ScopeSpec& adapts) {
  const size_t own = model.params().size();
  TaskStart start;
  start.params.assign(meta.begin(), meta.begin() + static_cast<int64_t>(own));
  const std::vector<bool> in = InScope(model.params(), adapts);
  for (size_t i = 0; i < own; ++i) {
    start.rates.push_back(InnerRate{in[i] ? ConstantRate(inner, model.params()[i].group) : 0.0, {}});
  }
  start.temperature = model.prototype_temperature();
  if (start.temperature > 0) {
    start.rates.resize(own + 2, InnerRate{inner.class_lr(), {}});
  } else if (inner.class_lr() > 0) {
    for (const at::Tensor& tensor : model.ClassHead(start.params, support)) {
      start.params.push_back(tensor);
      start.rates.push_back(InnerRate{inner.class_lr(), {}});
    }
  }
  return start;
}

void AddPrototypes(const Model& model, const Batch& support, TaskStart* start) {
  if (start->temperature > 0) {
    for (at::Tensor& tensor : PrototypeHead(model, start->params, support, start->temperature)) {
      start->params.push_back(std::move(tensor));
    }
    start->temperature = 0;
  }
}

void OneForEachTask(const Model& model, int64_t tasks, TaskStart* start) {
  for (size_t i = 0; tasks > 1 && i < model.params().size(); ++i) {
    if (start->rates[i].moves()) {
      TORCH_CHECK(model.PerTask(i), "OneForEachTask: ", model.params()[i].name, " is one for all tasks of a batch");
      std::vector<int64_t> shape = start->params[i].sizes().vec();
      shape.insert(shape.begin(), tasks);
      start->params[i] = start->params[i].unsqueeze(0).expand(shape);
    }
  }
}

bool MovesPerTask(const Model& model, const InnerSpec& inner, const ScopeSpec& adapts) {
  const std::vector<size_t> moved = MovedPlaces(model, inner, adapts);
  return std::all_of(moved.begin(), moved.end(), [&](size_t i) { return model.PerTask(i); });
}

InnerState InnerStep(const InnerSpec& inner, const std::vector<InnerRate>& rates, const std::vector<bool>& decay,
                     int64_t step, double share, const ParamList& grads, const InnerState& state) {
  InnerState next = state;
  const bool adamw = inner.optimizer() == InnerSpec::ADAMW;
  next.first.resize(adamw ? state.params.size() : 0);
  next.second.resize(next.first.size());
  for (size_t i = 0; i < state.params.size(); ++i) {
    if (!rates[i].moves() || !grads[i].defined()) {
      continue;
    }
    at::Tensor direction = grads[i];
    if (adamw) {
      const at::Tensor& g = grads[i];
      const bool begun = i < state.first.size() && state.first[i].defined();
      const double t = static_cast<double>(step) + 1;
      const double unbias1 = 1 / (1 - std::pow(inner.beta1(), t));
      const double unbias2 = 1 / (1 - std::pow(inner.beta2(), t));
      if (!at::GradMode::is_enabled() && !rates[i].learned.defined() && g.is_cpu()) {
        if (begun) {
          next.first[i] = state.first[i];
          next.second[i] = state.second[i];
        }
        InnerAdamWStep({inner.beta1(), inner.beta2(), unbias1, unbias2, inner.epsilon(),
                        decay[i] ? inner.weight_decay() : 0, rates[i].constant * share},
                       g, &next.params[i], &next.first[i], &next.second[i]);
        continue;
      }
      // m' = β₁ m + (1 − β₁) g, v' = β₂ v + (1 − β₂) g²
      next.first[i] = g * (1 - inner.beta1());
      next.second[i] = g * g * (1 - inner.beta2());
      if (begun) {
        next.first[i] = next.first[i] + state.first[i] * inner.beta1();
        next.second[i] = next.second[i] + state.second[i] * inner.beta2();
      }
      // m̂ / √(v̂ + ε²): with ε outside, the root has no derivative where the gradient is 0.
      direction = next.first[i] * unbias1 * at::rsqrt(next.second[i] * unbias2 + inner.epsilon() * inner.epsilon());
    }
    if (inner.weight_decay() > 0 && decay[i]) {
      direction = direction + state.params[i] * inner.weight_decay();
    }
    // θ' = θ − α d
    if (const at::Tensor& learned = rates[i].learned; learned.defined()) {
      const at::Tensor rate = learned.select(0, std::min<int64_t>(step, learned.size(0) - 1));
      next.params[i] = state.params[i] - direction * (share == 1.0 ? rate : rate * share);
    } else {
      next.params[i] = state.params[i].sub(direction, rates[i].constant * share);
    }
  }
  return next;
}

double Accuracy(const at::Tensor& logits, const at::Tensor& labels) {
  if (!logits.defined()) {
    return 0;
  }
  return logits.detach().argmax(-1).eq(labels).sum().item<double>() / static_cast<double>(labels.size(0));
}

void Add(const at::Tensor& grad, at::Tensor* sum) {
  if (grad.defined()) {
    *sum = sum->defined() ? *sum + grad : grad;
  }
}

ParamList Gradients(const ParamList& outputs, const ParamList& inputs, const ParamList& weights, bool keep_graph,
                    bool create_graph) {
  // An output that no graph leads to has no gradient, which LibTorch takes for a mistake.
  ParamList of;
  ParamList with;
  for (size_t i = 0; i < outputs.size(); ++i) {
    if (outputs[i].requires_grad()) {
      of.push_back(outputs[i]);
      if (!weights.empty()) {
        with.push_back(weights[i]);
      }
    }
  }
  if (of.empty() || inputs.empty()) {
    return ParamList(inputs.size());
  }
  return torch::autograd::grad(of, inputs, with, keep_graph || create_graph, create_graph, /*allow_unused=*/true);
}

Task MakeTask(const Model& model, const InnerSpec& inner, const TaskStart& start) {
  Task task;
  task.model = &model;
  task.inner = inner;
  task.rates = start.rates;
  task.pull = start.pull;
  if (start.pull != 0) {
    task.origin = WithoutGraph(start.params);
  }
  for (size_t i = 0; i < start.rates.size(); ++i) {
    task.decay.push_back(i < model.params().size() && model.params()[i].decay);
    if (start.rates[i].moves()) {
      task.moved.push_back(i);
    }
  }
  return task;
}

int FirstMovedLayer(const Task& task) {
  const std::vector<ParamInfo>& infos = task.model->params();
  int first = TopLayer(infos) + 1;
  for (const size_t i : task.moved) {
    if (i < infos.size()) {
      first = std::min(first, infos[i].layer);
    }
  }
  return first;
}

ParamList WithoutGraph(const ParamList& params) {
  ParamList detached;
  detached.reserve(params.size());
  for (const at::Tensor& param : params) {
    detached.push_back(param.detach());
  }
  return detached;
}

ParamList Select(const ParamList& params, const std::vector<size_t>& places) {
  ParamList selected;
  selected.reserve(places.size());
  for (const size_t i : places) {
    selected.push_back(i < params.size() ? params[i] : at::Tensor());
  }
  return selected;
}

LossAndAccuracy LossOf(const Model& model, const ParamList& params, const Batch& batch) {
  const ModelOutput output = model.Forward(params, batch);
  return {model.Loss(output, batch), Accuracy(output.logits, batch.labels)};
}

ParamList LossGradient(const Task& task, const ParamList& params, const Batch& batch, bool create_graph,
                       LossAndAccuracy* seen) {
  ParamList grads(params.size());
  at::Tensor loss;
  if (seen != nullptr) {
    *seen = LossOf(*task.model, params, batch);
    loss = seen->loss;
  } else {
    loss = task.model->Loss(task.model->Forward(params, batch), batch);
  }
  const ParamList moved = Gradients({loss}, Select(params, task.moved), {}, false, create_graph);
  for (size_t j = 0; j < moved.size(); ++j) {
    const size_t i = task.moved[j];
    grads[i] = moved[j];
    if (task.pull != 0) {  // ∇ λ/2 |θ − θ_0|²
      Add((params[i] - task.origin[i]) * task.pull, &grads[i]);
    }
  }
  return grads;
}

ParamList WithMovedLeaves(const Task& task, const ParamList& params) {
  ParamList leaves = params;
  for (const size_t i : task.moved) {
    if (i < leaves.size()) {
      leaves[i] = params[i].detach().requires_grad_(true);
    }
  }
  return leaves;
}

InnerState PlainStep(const Task& task, int64_t step, double share, const Batch& support, const InnerState& state,
                     LossAndAccuracy* seen) {
  if (task.moved.empty()) {
    return state;
  }
  const ParamList grads = [&] {
    const at::AutoGradMode with_graph(true);
    return LossGradient(task, WithMovedLeaves(task, state.params), support, /*create_graph=*/false, seen);
  }();
  const at::NoGradGuard no_grad;
  return InnerStep(task.inner, task.rates, task.decay, step, share, grads, state);
}

namespace {

// AddPrototypes, and the gradient of the support loss at the start, of what moves, by one forward pass.
ParamList AddPrototypesAndDifferentiate(const Model& model, const Task& task, const Batch& support, TaskStart* start) {
  const at::AutoGradMode with_graph(true);
  const auto own = static_cast<int64_t>(start->params.size());
  start->params = WithMovedLeaves(task, start->params);
  const Batch seen = model.Lowered(start->params, support, TopLayer(model.params()) + 1);
  AddPrototypes(model, seen, start);
  for (auto head = start->params.begin() + own; head != start->params.end(); ++head) {
    *head = head->detach();  // class vectors are where the step begins, not a function of what it moves
  }
  ParamList at_start = start->params;
  for (const size_t i : task.moved) {
    if (static_cast<int64_t>(i) >= own) {
      at_start[i] = at_start[i].detach().requires_grad_(true);
    }
  }
  return LossGradient(task, at_start, seen, /*create_graph=*/false, nullptr);
}

}  // namespace

ParamList Descend(const Model& model, const TaskStart& start, const Batch& support, const InnerSpec& inner,
                  const MetaTestSpec* test) {
  const at::NoGradGuard no_grad;
  const int64_t epochs = test == nullptr ? 0 : test->epochs();
  TaskStart begin = start;
  begin.params = WithoutGraph(start.params);
  const auto share_of = [&](int k) {
    return test == nullptr ? 1 : RateShare(test->warmup_share(), test->decay(), 0, k, inner.steps());
  };
  InnerState state;
  int done = 0;
  const bool all_support = epochs == 0 && inner.steps() > 0 && support.tasks == 1;
  if (const Task task = MakeTask(model, inner, begin);
      begin.temperature > 0 && begin.pull == 0 && all_support && FirstMovedLayer(task) == 0) {
    const ParamList grads = AddPrototypesAndDifferentiate(model, task, support, &begin);
    state = InnerStep(task.inner, task.rates, task.decay, 0, share_of(0), grads, {WithoutGraph(begin.params), {}, {}});
    done = 1;
  } else {
    AddPrototypes(model, support, &begin);
    state.params = begin.params;
  }
  const Task task = MakeTask(model, inner, begin);
  if (epochs == 0 || task.moved.empty()) {
    const Batch lowered = inner.steps() == done ? support : model.Lowered(state.params, support, FirstMovedLayer(task));
    for (int k = done; k < inner.steps(); ++k) {
      state = PlainStep(task, k, share_of(k), lowered, state, nullptr);
    }
    return state.params;
  }
  TORCH_CHECK(support.tasks == 1, "Descend: mini-batches of ", support.tasks, " tasks together");
  const Batch lowered = model.Lowered(state.params, support, FirstMovedLayer(task));
  const int64_t rows = RowsOf(support);
  const int64_t batches = (rows + test->batch() - 1) / test->batch();
  std::vector<int64_t> order(static_cast<size_t>(rows));
  int64_t step = 0;
  for (int64_t epoch = 0; epoch < epochs; ++epoch) {
    for (size_t i = 0; i < order.size(); ++i) {
      order[i] = static_cast<int64_t>(i);
    }
    Random random(SubSeed(0, "meta_test/order", static_cast<uint64_t>(epoch)));
    random.PartialShuffle(order.size(), &order);
    for (int64_t b = 0; b < batches; ++b, ++step) {
      const int64_t first = b * test->batch();
      const auto count = static_cast<size_t>(std::min<int64_t>(test->batch(), rows - first));
      const Batch batch =
          batches == 1 ? lowered
                       : SelectRows(lowered, absl::MakeConstSpan(order).subspan(static_cast<size_t>(first), count));
      const double share = RateShare(test->warmup_share(), test->decay(), 0, step, epochs * batches);
      state = PlainStep(task, step, share, batch, state, nullptr);
    }
  }
  return state.params;
}

Descent DescendInTurns(const Model& model, const TaskStart& start, const std::vector<const Batch*>& turns,
                       const InnerSpec& inner) {
  const at::NoGradGuard no_grad;
  TORCH_CHECK(start.temperature == 0, "DescendInTurns: the class head is still to come");
  const Task task = MakeTask(model, inner, start);
  InnerState state{WithoutGraph(start.params), {}, {}};
  std::vector<Batch> lowered;
  for (size_t t = 0; t < turns.size() && static_cast<int>(t) < inner.steps(); ++t) {
    lowered.push_back(model.Lowered(state.params, *turns[t], FirstMovedLayer(task)));
  }
  LossAndAccuracy seen;
  for (int k = 0; k < inner.steps(); ++k) {
    state = PlainStep(task, k, 1.0, lowered[static_cast<size_t>(k) % lowered.size()], state, &seen);
  }
  Descent descent{std::move(state.params), 0, seen.accuracy};
  descent.last_loss = seen.loss.defined() ? seen.loss.item<double>() : 0;
  return descent;
}

}  // namespace metaprompt
