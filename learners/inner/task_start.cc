#include "learners/inner/task_start.h"

#include <ATen/ATen.h>

#include "learners/inner/class_means.h"
#include "learners/inner/scope.h"

namespace metaprompt {

TaskStart PlainStart(const Model& model, const MetaParams& meta, const Batch& support, const InnerSpec& inner,
                     const ScopeSpec& adapts) {
  TaskStart start;
  start.params.params = meta.model;
  const std::vector<bool> in = InScope(model.params(), adapts);
  for (size_t i = 0; i < in.size(); ++i) {
    start.rates.push_back(InnerRate{in[i] ? ConstantRate(inner, model.params()[i].group) : 0.0, {}});
  }
  start.temperature = model.prototype_temperature();
  const InnerRate of_head{inner.class_lr(), {}};
  if (start.temperature > 0) {
    start.rates.insert(start.rates.end(), 2, of_head);  // for vectors and biases
  } else if (inner.class_lr() > 0) {
    start.params.head = model.ClassHead(meta.model, support);
    start.rates.insert(start.rates.end(), start.params.head.size(), of_head);
  }
  return start;
}

void AddPrototypes(const Model& model, const Batch& support, TaskStart* start) {
  if (start->temperature > 0) {
    start->params.head = PrototypeHead(model, start->params.params, support, start->temperature);
    start->temperature = 0;
  }
}

void OneForEachTask(const Model& model, int64_t tasks, TaskStart* start) {
  for (size_t i = 0; tasks > 1 && i < model.params().size(); ++i) {
    if (start->rates[i].moves()) {
      TORCH_CHECK(model.PerTask(i), "OneForEachTask: ", model.params()[i].name, " is one for all tasks of a batch");
      at::Tensor& param = start->params.params[i];
      std::vector<int64_t> shape = param.sizes().vec();
      shape.insert(shape.begin(), tasks);
      param = param.unsqueeze(0).expand(shape);
    }
  }
}

}  // namespace metaprompt
