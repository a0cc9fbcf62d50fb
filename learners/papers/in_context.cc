#include "learners/papers/in_context.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

#include <numeric>
#include <vector>

#include "learners/inner/gradients.h"
#include "metaprompt/base/random.h"

namespace metaprompt {
namespace {

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
  const at::NoGradGuard no_grad;
  Batch batch = query;
  Answers answers = TextsOf(query).answers();
  answers.context = adapted.fitted[0];
  batch.inputs = TextsOf(query).WithAnswers(answers);
  return model.Forward(adapted.model, batch).logits;
}

}  // namespace metaprompt
