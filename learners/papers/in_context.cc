#include "learners/papers/in_context.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

#include <algorithm>
#include <numeric>
#include <vector>

#include "metaprompt/base/random.h"

namespace metaprompt {
namespace {

constexpr int64_t kBatchTokens = 4096;

// The support texts with their answers, in random order.
at::Tensor ContextOf(const Batch& support) {
  const TextInputs& texts = TextsOf(support);
  const Answers& answers = texts.answers();
  std::vector<int64_t> order(static_cast<size_t>(RowsOf(support)));
  std::iota(order.begin(), order.end(), 0);
  Random random(SubSeed(support.seed, "in_context"));
  random.PartialShuffle(order.size(), &order);
  std::vector<at::Tensor> parts;
  for (const int64_t row : order) {
    const int64_t text = support.repeats.defined() ? support.repeats[row].item<int64_t>() : row;
    const int64_t* const span = texts.spans().data_ptr<int64_t>() + 2 * text;
    parts.push_back(texts.ids().narrow(0, span[0], span[1]));
    const int64_t label = support.labels[row].item<int64_t>();
    parts.push_back(answers.ids[label].narrow(0, 0, answers.weights[label].ne(0).sum().item<int64_t>()));
    if (answers.separator.defined()) {
      parts.push_back(answers.separator);
    }
  }
  return at::cat(parts);
}

}  // namespace

AdaptedParams InContext::Adapt(const Model& model, const ParamList& meta, const Batch& support) const {
  const at::NoGradGuard no_grad;
  TORCH_CHECK(support.tasks == 1, "InContext: a context has one task");
  AdaptedParams adapted;
  adapted.model = WithoutGraph(ByName(model, meta).model);
  adapted.fitted = {ContextOf(support)};
  return adapted;
}

at::Tensor InContext::Logits(const Model& model, const AdaptedParams& adapted, const Batch& query) const {
  Batch batch = query;
  Answers answers = TextsOf(query).answers();
  answers.context = adapted.fitted[0];
  batch.inputs = TextsOf(query).WithAnswers(answers);
  const int64_t rows = RowsOf(query);
  const int64_t step = std::max<int64_t>(1, kBatchTokens / (answers.context.size(0) + TextsOf(query).longest()));
  std::vector<at::Tensor> logits;
  for (int64_t first = 0; first < rows; first += step) {
    std::vector<int64_t> some(static_cast<size_t>(std::min(step, rows - first)));
    std::iota(some.begin(), some.end(), first);
    logits.push_back(model.Forward(adapted.model, SelectRows(batch, some)).logits);
  }
  return at::cat(logits);
}

}  // namespace metaprompt
