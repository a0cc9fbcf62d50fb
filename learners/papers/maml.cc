#include "learners/papers/maml.h"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>

#include <algorithm>
#include <map>
#include <numeric>
#include <utility>

#include "learners/inner/gradients.h"
#include "learners/inner/scope.h"
#include "learners/inner/task_pool.h"
#include "metaprompt/base/random.h"

namespace metaprompt {
namespace {

// The columns of the table of step sizes.
struct Columns {
  std::vector<int64_t> of;      // for each of the model's parameters, its column; -1: it does not move
  int64_t head = -1;            // the class head's column; -1: it does not move
  std::vector<double> initial;  // the initial step size of each column
};

Columns ColumnsOf(const Model& model, const InnerSpec& inner, const ScopeSpec& adapts) {
  Columns columns;
  columns.of.assign(model.params().size(), -1);
  std::map<std::pair<ParamGroup, int>, int64_t> known;
  for (const size_t i : MovedPlaces(model, inner, adapts)) {
    const ParamInfo& info = model.params()[i];
    const auto [column, is_new] = known.emplace(std::make_pair(info.group, info.layer), columns.initial.size());
    if (is_new) {
      columns.initial.push_back(ConstantRate(inner, info.group));
    }
    columns.of[i] = column->second;
  }
  if (inner.class_lr() > 0 && model.head_width() > 0) {
    columns.head = static_cast<int64_t>(columns.initial.size());
    columns.initial.push_back(inner.class_lr());
  }
  return columns;
}

}  // namespace

std::vector<double> MultiStepWeights(int steps, int64_t epoch, int64_t epochs) {
  const double n = steps;
  const double share = static_cast<double>(epoch) / static_cast<double>(epochs);
  const double early = steps == 1 ? 0.0 : std::max((1.0 - share) / n, 0.03 / n);
  std::vector<double> weights(static_cast<size_t>(steps), early);
  weights.back() = 1.0 - early * (n - 1.0);
  return weights;
}

std::vector<ParamInfo> Maml::OwnParams(const Model& model) const {
  if (!spec().maml().learned_rates() || spec().inner().steps() == 0) {
    return {};
  }
  const auto count = static_cast<int64_t>(ColumnsOf(model, spec().inner(), adapts()).initial.size());
  return {ParamInfo{"maml.step_sizes", {spec().inner().steps(), count}, ParamGroup::kLearner}};
}

ParamList Maml::InitOwn(const Model& model, uint64_t /*seed*/) const {
  ParamList own;
  for (const ParamInfo& info : OwnParams(model)) {
    const std::vector<double> initial = ColumnsOf(model, spec().inner(), adapts()).initial;
    own.push_back(at::tensor(at::ArrayRef<double>(initial), at::kFloat).expand(info.shape).clone());
  }
  return own;
}

TaskStart Maml::Start(const Model& model, const MetaParams& meta, const Batch& support, const InnerSpec& inner,
                      bool learned_rates) const {
  TaskStart start = PlainStart(model, meta, support, inner, adapts());
  if (!learned_rates || meta.own.empty()) {
    return start;
  }
  const Columns columns = ColumnsOf(model, inner, adapts());
  const at::Tensor& sizes = meta.own[0];
  for (size_t i = 0; i < start.rates.size(); ++i) {
    const int64_t column = i < columns.of.size() ? columns.of[i] : columns.head;
    if (column >= 0 && start.rates[i].moves()) {
      start.rates[i].learned = sizes.select(1, column);
    }
  }
  return start;
}

TaskGradient Maml::MetaGradient(const Model& model, const ParamList& meta, const Episode& episode,
                                int64_t meta_step) const {
  if (!spec().maml().has_query_batches()) {
    return GradientLearner::MetaGradient(model, meta, episode, meta_step);
  }
  const QueryBatchesSpec& batches = spec().maml().query_batches();
  const int64_t rows = RowsOf(episode.query);
  const int64_t count = (rows + batches.size() - 1) / batches.size();
  const double of_batch = batches.reduce() == QueryBatchesSpec::SUM ? 1.0 : 1.0 / static_cast<double>(count);
  const auto rows_of = [&](int64_t b) { return std::min<int64_t>(batches.size(), rows - b * batches.size()); };
  if (!batches.repeat_inner()) {
    Episode weighted = episode;
    std::vector<double> weights;
    for (int64_t b = 0; b < count; ++b) {
      weights.insert(weights.end(), static_cast<size_t>(rows_of(b)), of_batch / static_cast<double>(rows_of(b)));
    }
    weighted.query.weights =
        at::tensor(at::ArrayRef<double>(weights), at::kDouble).to(episode.query.labels.device(), meta[0].scalar_type());
    TaskGradient task = GradientLearner::MetaGradient(model, meta, weighted, meta_step);
    task.query_loss /= of_batch * static_cast<double>(count);
    return task;
  }
  TaskGradient sum;
  sum.grads.resize(meta.size());
  double objective = 0;  // NaN if it is NaN for a batch
  const auto gradient_of = [&](int64_t b) {
    std::vector<int64_t> which(static_cast<size_t>(rows_of(b)));
    std::iota(which.begin(), which.end(), b * batches.size());
    Episode part = episode;
    part.support.seed = SubSeed(episode.support.seed, "query_batch", static_cast<uint64_t>(b));
    part.query = SelectRows(episode.query, which);
    part.query.seed = SubSeed(episode.query.seed, "query_batch", static_cast<uint64_t>(b));
    return GradientLearner::MetaGradient(model, meta, part, meta_step);
  };
  // A GPU waits for the processor to start small operations, so several threads start them. On the processor itself,
  // each batch uses all threads.
  const int64_t at_once = meta[0].is_cpu() ? 1 : at::get_num_threads();
  std::vector<TaskGradient> tasks;
  for (int64_t b = 0; b < count; ++b) {
    if (b % at_once == 0) {
      tasks.assign(static_cast<size_t>(std::min(at_once, count - b)), {});
      RunAtOnce(static_cast<int64_t>(tasks.size()),
                [&](int64_t k) { tasks[static_cast<size_t>(k)] = gradient_of(b + k); });
    }
    const TaskGradient& task = tasks[static_cast<size_t>(b % at_once)];
    for (size_t i = 0; i < sum.grads.size(); ++i) {
      if (task.grads[i].defined()) {
        Add(of_batch == 1 ? task.grads[i] : task.grads[i] * of_batch, &sum.grads[i]);
      }
    }
    const double share = static_cast<double>(rows_of(b)) / static_cast<double>(rows);
    sum.query_loss += share * task.query_loss;
    sum.query_accuracy += share * task.query_accuracy;
    sum.recomputed = sum.recomputed || task.recomputed;
    objective += of_batch * task.objective;
  }
  sum.objective = objective;
  return sum;
}

Unrolling Maml::UnrollingAt(int64_t meta_step) const {
  const MamlSpec& maml = spec().maml();
  Unrolling unrolling = GradientLearner::UnrollingAt(meta_step);
  unrolling.second_order = maml.order() == MamlSpec::SECOND && meta_step >= maml.first_order_until();
  if (maml.has_multi_step()) {
    unrolling.weights =
        MultiStepWeights(std::max(1, spec().inner().steps()), meta_step / maml.multi_step().meta_steps_per_epoch(),
                         maml.multi_step().epochs());
  }
  return unrolling;
}

}  // namespace metaprompt
