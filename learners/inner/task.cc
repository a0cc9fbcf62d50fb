#include "learners/inner/task.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

#include <algorithm>
#include <numeric>
#include <utility>

#include "learners/inner/gradients.h"
#include "learners/inner/scope.h"
#include "metaprompt/base/random.h"

namespace metaprompt {

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

ModelParams WithMovedLeaves(const Task& task, const ModelParams& params) {
  ModelParams leaves = params;
  for (const size_t i : task.moved) {
    if (i < leaves.size()) {
      leaves[i] = params[i].detach().requires_grad_(true);
    }
  }
  return leaves;
}

ParamList LossGradient(const Task& task, const ModelParams& params, const Batch& batch, bool create_graph,
                       LossAndAccuracy* seen) {
  ParamList grads(params.size());
  at::Tensor loss;
  if (seen != nullptr) {
    *seen = LossOf(*task.model, params, batch);
    loss = seen->loss;
  } else {
    loss = task.model->Loss(task.model->Forward(params, batch), batch);
  }
  const ParamList moved = Gradients({loss}, Pick(params, task.moved), {}, false, create_graph);
  for (size_t j = 0; j < moved.size(); ++j) {
    const size_t i = task.moved[j];
    grads[i] = moved[j];
    if (task.pull != 0) {  // ∇ λ/2 |θ − θ_0|²
      Add((params[i] - task.origin[i]) * task.pull, &grads[i]);
    }
  }
  return grads;
}

Batch InTraining(Batch batch) {
  batch.dropout = true;
  return batch;
}

Batch StepBatch(const InnerSpec& inner, const Batch& support, int64_t step) {
  const int64_t rows = RowsOf(support);
  const bool all = inner.batch() == 0 || inner.batch() >= rows;
  Batch batch = support;
  if (!all) {
    const int64_t per_order = rows / inner.batch();  // number of steps per order
    std::vector<int64_t> order(static_cast<size_t>(rows));
    std::iota(order.begin(), order.end(), 0);
    Random random(SubSeed(support.seed, "order", static_cast<uint64_t>(step / per_order)));
    random.PartialShuffle(order.size(), &order);
    batch =
        SelectRows(support, absl::MakeConstSpan(order).subspan(static_cast<size_t>(step % per_order * inner.batch()),
                                                               static_cast<size_t>(inner.batch())));
  }
  batch.seed = SubSeed(support.seed, "step", static_cast<uint64_t>(step));
  return batch;
}

Batch QueryBatch(Batch query, int64_t step) {
  query.seed = SubSeed(query.seed, "step", static_cast<uint64_t>(step));
  return query;
}

InnerState PlainStep(const Task& task, int64_t step, double share, const Batch& support, InnerState state,
                     LossAndAccuracy* seen) {
  if (task.moved.empty()) {
    return state;
  }
  const ParamList grads = [&] {
    const at::AutoGradMode with_graph(true);
    return LossGradient(task, WithMovedLeaves(task, state.params), StepBatch(task.inner, support, step),
                        /*create_graph=*/false, seen);
  }();
  const at::NoGradGuard no_grad;
  return InnerStep(task.inner, task.rates, task.decay, step, share, grads, std::move(state));
}

}  // namespace metaprompt
