#include "learners/inner/gradient_block.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"

namespace metaprompt {

at::Tensor UnionOfRows(const std::vector<at::Tensor>& rows) {
  if (rows.empty() || std::any_of(rows.begin(), rows.end(), [](const at::Tensor& one) { return !one.defined(); })) {
    return at::Tensor();
  }
  return std::get<0>(at::_unique(at::cat(rows).cpu(), /*sorted=*/true));
}

absl::Status GradientBlock::Compute(const Learner& learner, const Model& model, const std::vector<ParamInfo>& infos,
                                    const ParamList& params, const TaskGroups& groups, int64_t first, int64_t last,
                                    TaskPool* pool) {
  const int64_t count = last - first;
  gradients_.assign(static_cast<size_t>(count), Gradient());
  facts_.assign(static_cast<size_t>(count), GroupFacts());
  const auto few = groups.count < pool->threads() ? TaskPool::FewTasks::kAllThreads : TaskPool::FewTasks::kOneThread;
  const int64_t done = pool->Run(
      count,
      [&](int64_t g) {
        const Episode episode = OnDevice(groups.episode(first + g), params[0].device());
        const ParamList local = LocalParams(infos, params, episode.rows);
        TaskGradient gradient = learner.MetaGradient(model, local, episode, groups.meta_step);
        const auto at = static_cast<size_t>(g);
        facts_[at] = {gradient.query_loss, gradient.query_accuracy, gradient.recomputed};
        gradients_[at] = {std::move(gradient.grads), episode.rows};
      },
      nullptr, few);
  if (done < count) {
    return absl::CancelledError(absl::StrCat("stopped in meta-step ", groups.meta_step));
  }
  return absl::OkStatus();
}

at::Tensor GradientBlock::Rows() const {
  std::vector<at::Tensor> rows;
  for (const Gradient& one : gradients_) {
    rows.push_back(one.rows);
  }
  return UnionOfRows(rows);
}

bool GradientBlock::Has(size_t i) const {
  return std::any_of(gradients_.begin(), gradients_.end(), [&](const Gradient& one) { return one.grads[i].defined(); });
}

void GradientBlock::AddTo(const ParamInfo& info, size_t i, const at::Tensor& like, at::Tensor* sum) const {
  if (!sum->defined() && Has(i)) {
    *sum = at::zeros_like(like);
  }
  for (const Gradient& one : gradients_) {  // AddLocal adds in place, so that *sum has the result
    ParamList sums = {*sum};
    AddLocal({info}, {one.grads[i]}, one.rows, &sums);
  }
}

}  // namespace metaprompt
