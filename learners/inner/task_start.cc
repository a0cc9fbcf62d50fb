#include "learners/inner/task_start.h"

#include <ATen/ATen.h>

#include <utility>

#include "learners/inner/class_means.h"
#include "learners/inner/scope.h"

namespace metaprompt {

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

}  // namespace metaprompt
