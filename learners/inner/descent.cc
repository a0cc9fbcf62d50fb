#include "learners/inner/descent.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

#include <algorithm>
#include <utility>

#include "learners/inner/adamw.h"
#include "learners/inner/gradients.h"
#include "learners/inner/scope.h"
#include "learners/inner/task.h"
#include "metaprompt/base/random.h"

namespace metaprompt {
namespace {

// Does what AddPrototypes does, and returns the gradients of the support loss at the start, with a single forward pass.
ParamList AddPrototypesAndDifferentiate(const Model& model, const Task& task, const Batch& support, TaskStart* start) {
  const at::AutoGradMode with_graph(true);
  start->params = WithMovedLeaves(task, start->params);
  const Batch seen = model.CacheBelow(start->params, support, TopLayer(model.params()) + 1);
  AddPrototypes(model, seen, start);
  for (at::Tensor& tensor : start->params.head) {
    tensor = tensor.detach();  // the step's gradient treats the class vectors as constants
  }
  ModelParams at_start = start->params;
  for (const size_t i : task.moved) {
    if (i >= at_start.params.size()) {  // in the class head, which was missing when WithMovedLeaves was called
      at_start[i] = at_start[i].detach().requires_grad_(true);
    }
  }
  return LossGradient(task, at_start, seen, /*create_graph=*/false, nullptr);
}

// `test.epochs` passes over the support set in mini-batches of `test.batch` rows. The order of the rows is random in
// each epoch, and depends only on the epoch's number.
ModelParams DescendInMiniBatches(const Task& task, ModelParams params, const Batch& support, const MetaTestSpec& test) {
  TORCH_CHECK(support.tasks == 1, "Descend: mini-batches of ", support.tasks, " tasks together");
  InnerState state;
  state.params = std::move(params);
  const Batch lowered = task.model->CacheBelow(state.params, support, FirstMovedLayer(task));
  const int64_t rows = RowsOf(support);
  const int64_t batches = (rows + test.batch() - 1) / test.batch();
  std::vector<int64_t> order(static_cast<size_t>(rows));
  int64_t step = 0;
  for (int64_t epoch = 0; epoch < test.epochs(); ++epoch) {
    for (size_t i = 0; i < order.size(); ++i) {
      order[i] = static_cast<int64_t>(i);
    }
    Random random(SubSeed(0, "meta_test/order", static_cast<uint64_t>(epoch)));
    random.PartialShuffle(order.size(), &order);
    for (int64_t b = 0; b < batches; ++b, ++step) {
      const int64_t first = b * test.batch();
      const auto count = static_cast<size_t>(std::min<int64_t>(test.batch(), rows - first));
      const Batch batch =
          batches == 1 ? lowered
                       : SelectRows(lowered, absl::MakeConstSpan(order).subspan(static_cast<size_t>(first), count));
      const double share = RateShare(Schedule::Of(test), step, test.epochs() * batches);
      state = PlainStep(task, step, share, batch, std::move(state), nullptr);
    }
  }
  return state.params;
}

}  // namespace

ModelParams Descend(const Model& model, const TaskStart& start, const Batch& support, const InnerSpec& inner,
                    const MetaTestSpec* test) {
  const at::NoGradGuard no_grad;
  const bool epochs = test != nullptr && test->epochs() > 0;
  TaskStart begin = start;
  begin.params = WithoutGraph(start.params);
  const auto share_of = [&](int k) { return test == nullptr ? 1 : RateShare(Schedule::Of(*test), k, inner.steps()); };
  InnerState state;
  int done = 0;  // steps
  // Prototypes are computed without dropout, from the whole support set.
  const bool as_prototypes = !epochs && inner.steps() > 0 && inner.batch() == 0 && !model.drops() && support.tasks == 1;
  if (const Task task = MakeTask(model, inner, begin);
      begin.temperature > 0 && begin.pull == 0 && as_prototypes && FirstMovedLayer(task) == 0) {
    const ParamList grads = AddPrototypesAndDifferentiate(model, task, support, &begin);
    state = InnerStep(task.inner, task.rates, task.decay, 0, share_of(0), grads, {WithoutGraph(begin.params), {}, {}});
    done = 1;
  } else {
    AddPrototypes(model, support, &begin);
    state.params = begin.params;
  }
  const Task task = MakeTask(model, inner, begin);
  if (epochs && !task.moved.empty()) {
    return DescendInMiniBatches(task, std::move(state.params), InTraining(support), *test);
  }
  const Batch lowered =
      inner.steps() == done ? support : model.CacheBelow(state.params, InTraining(support), FirstMovedLayer(task));
  for (int k = done; k < inner.steps(); ++k) {
    state = PlainStep(task, k, share_of(k), lowered, std::move(state), nullptr);
  }
  return state.params;
}

double DescentBytes(const Model& model, const Batch& support, double texts, const MetaTestSpec& test) {
  const bool batches = test.epochs() > 0 && test.batch() < static_cast<double>(RowsOf(support));
  const double at_once = batches ? test.batch() : texts;
  return at_once / static_cast<double>(CountOf(support.inputs)) * model.GraphBytes(support);
}

Descent DescendInTurns(const Model& model, const TaskStart& start, const std::vector<const Batch*>& turns,
                       const InnerSpec& inner) {
  const at::NoGradGuard no_grad;
  TORCH_CHECK(start.temperature == 0, "DescendInTurns: the start has no class head yet; call AddPrototypes");
  const Task task = MakeTask(model, inner, start);
  InnerState state{WithoutGraph(start.params), {}, {}};
  std::vector<Batch> lowered;
  for (size_t t = 0; t < turns.size() && static_cast<int>(t) < inner.steps(); ++t) {
    lowered.push_back(model.CacheBelow(state.params, InTraining(*turns[t]), FirstMovedLayer(task)));
  }
  LossAndAccuracy seen;
  for (int k = 0; k < inner.steps(); ++k) {
    state = PlainStep(task, k, 1.0, lowered[static_cast<size_t>(k) % lowered.size()], std::move(state), &seen);
  }
  Descent descent{std::move(state.params), 0, seen.accuracy()};
  descent.last_loss = seen.loss.defined() ? seen.loss.item<double>() : 0;
  return descent;
}

}  // namespace metaprompt
