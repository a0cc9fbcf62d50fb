#include "learners/papers/meta_prompter.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <memory>
#include <utility>

#include "learners/bases/distance_logits.h"
#include "learners/inner/class_means.h"
#include "learners/inner/descent.h"
#include "learners/inner/gradients.h"
#include "metaprompt/base/random.h"

namespace metaprompt {
namespace {

// The index of the soft vectors in the model's parameters.
size_t PromptPlace(const Model& model) {
  const std::vector<ParamInfo>& infos = model.params();
  const auto found =
      std::find_if(infos.begin(), infos.end(), [](const ParamInfo& info) { return info.group == ParamGroup::kPrompt; });
  return found == infos.end() ? 0 : static_cast<size_t>(found - infos.begin());
}

// The queries of attention for a batch's texts: their features with the model's own prompt.
struct Queries : Cached {
  explicit Queries(at::Tensor of_texts) : of_texts(std::move(of_texts)) {}

  std::shared_ptr<const Cached> Map(const std::function<at::Tensor(const at::Tensor&, Rows)>& function) const override {
    return std::make_shared<Queries>(function(of_texts, Rows::kInputs));
  }

  at::Tensor of_texts;  // [B, D]
};

// Indices of the learner's own parameters.
enum Own { kKeys, kPrompts };

// The model with prompts from a pool. Its parameters are all meta-parameters: the model's and the pool's. Forward
// computes the queries q of a batch, unless they are cached.
class PoolModel : public Model {
 public:
  // `means`: the classes' mean support features [ways, D]; undefined: each Forward computes them from `support`.
  PoolModel(const Model& model, const MetaPrompterSpec& spec, Batch support, at::Tensor means = {})
      : model_(model), spec_(spec), support_(std::move(support)), means_(std::move(means)), params_(model.params()) {
    params_.push_back(ParamInfo{"pool.keys", {}, ParamGroup::kLearner});
    params_.push_back(ParamInfo{"pool.prompts", {}, ParamGroup::kLearner});
  }

  const std::vector<ParamInfo>& params() const override { return params_; }
  bool drops() const override { return model_.drops(); }

  // All parameters, in the order of params().
  static ParamList All(const MetaParams& meta) {
    ParamList all = meta.model;
    all.insert(all.end(), meta.own.begin(), meta.own.end());
    return all;
  }

  // For each parameter, whether it is the pool's.
  std::vector<bool> InPool() const {
    std::vector<bool> in;
    for (const ParamInfo& info : params_) {
      in.push_back(info.group == ParamGroup::kLearner);
    }
    return in;
  }

  ModelOutput Forward(const ModelParams& all, const Batch& batch) const override {
    const MetaParams params = ByName(model_, all.params);
    ModelOutput output = WithPool(params, batch);
    const at::Tensor means = means_.defined() ? means_
                             : SequencesOf(batch).SharesMemoryWith(SequencesOf(support_))
                                 ? ClassMeans(output.features, support_)
                                 : ClassMeans(WithPool(params, support_).features, support_);
    // log( (1 − s) softmax(RepVerb) + s softmax(answer words) )
    const double share = spec_.words_share();
    const at::Tensor representative =
        at::log_softmax(DistanceLogits(output.features, means, COSINE_DISTANCE, 1 / spec_.scale()), -1);
    const at::Tensor words = at::log_softmax(output.logits, -1);
    if (share == 0 || share == 1) {
      output.logits = share == 0 ? representative : words;
    } else {
      output.logits = at::logaddexp(representative + std::log(1 - share), words + std::log(share));
    }
    return output;
  }

  // The classes' mean support features with these parameters.
  at::Tensor MeansUnder(const MetaParams& params) const {
    return ClassMeans(WithPool(params, support_).features, support_);
  }

  // The batch with its queries in the cache.
  static Batch WithQueries(const Model& model, const ParamList& params, const Batch& batch) {
    const at::NoGradGuard no_grad;
    Batch with = batch;
    with.cached = std::make_shared<Queries>(model.Forward(params, OfTexts(batch)).features.detach());
    return with;
  }

  double GraphBytes(const Batch& batch) const override {
    Batch plain = batch;
    plain.cached = nullptr;
    return 2 * model_.GraphBytes(plain);
  }

 private:
  // The batch with one row per text and without a cache.
  static Batch OfTexts(const Batch& batch) {
    Batch once = batch;
    once.repeats = at::Tensor();
    once.cached = nullptr;
    return once;
  }

  // The model computes each text as a task, with the text's own soft vectors.
  ModelOutput WithPool(const MetaParams& params, const Batch& batch) const {
    const at::Tensor& keys = params.own[kKeys];
    const at::Tensor& prompts = params.own[kPrompts];
    const Batch with_queries = batch.cached == nullptr ? WithQueries(model_, params.model, batch) : batch;
    const at::Tensor& queries = static_cast<const Queries&>(*with_queries.cached).of_texts;
    const int64_t texts = CountOf(batch.inputs);
    // a = softmax(K q / √D). The prompt of the text is Σ_i a_i θ_i.
    const at::Tensor attention =
        at::softmax(at::matmul(queries, keys.t()) * (1 / std::sqrt(static_cast<double>(keys.size(1)))), -1);
    ParamList with_prompt = params.model;
    with_prompt[PromptPlace(model_)] =
        at::matmul(attention, prompts.flatten(1)).view({texts, prompts.size(1), prompts.size(2)});
    Batch apart = OfTexts(batch);
    apart.tasks = texts;
    if (const auto* with_answers = std::get_if<TextInputs>(&batch.inputs); with_answers != nullptr) {
      Answers answers = with_answers->answers();
      answers.ids = answers.ids.repeat({texts, 1});
      answers.weights = answers.weights.repeat({texts, 1});
      apart.inputs = with_answers->WithAnswers(answers);
    }
    ModelOutput output = model_.Forward(with_prompt, apart);
    if (batch.repeats.defined()) {
      for (at::Tensor* const of_texts : {&output.features, &output.read, &output.logits}) {
        *of_texts = at::embedding(*of_texts, batch.repeats);
      }
    }
    return output;
  }

  const Model& model_;
  const MetaPrompterSpec& spec_;
  const Batch support_;
  const at::Tensor means_;
  std::vector<ParamInfo> params_;
};

// The inner steps start at `meta` and change only the pool.
TaskStart StartOfPool(const PoolModel& pool, const ParamList& meta, const InnerSpec& inner) {
  TaskStart start;
  start.params = meta;
  for (const bool in_pool : pool.InPool()) {
    start.rates.push_back(InnerRate{in_pool ? inner.prompt_lr() : 0, {}});
  }
  return start;
}

}  // namespace

std::vector<ParamInfo> MetaPrompter::OwnParams(const Model& model) const {
  const std::vector<int64_t>& prompt = model.params()[PromptPlace(model)].shape;
  TORCH_CHECK(prompt.size() == 2 && prompt[0] > 0, "MetaPrompter: the model has no soft prompt");
  const int64_t pool = spec_.meta_prompter().pool();
  return {ParamInfo{"pool.keys", {pool, model.feature_width()}, ParamGroup::kLearner},
          ParamInfo{"pool.prompts", {pool, prompt[0], prompt[1]}, ParamGroup::kLearner}};
}

ParamList MetaPrompter::InitOwn(const Model& model, uint64_t seed) const {
  ParamList own;
  for (const ParamInfo& info : OwnParams(model)) {
    own.push_back(at::empty(info.shape, at::kFloat));
    FillNormal(SubSeed(seed, "init/" + info.name), spec_.meta_prompter().init_std(), own.back().data_ptr<float>(),
               own.back().numel());
  }
  return own;
}

AdaptedParams MetaPrompter::Adapt(const Model& model, const ParamList& meta, const Batch& support) const {
  const MetaTestSpec* test = spec_.has_meta_test() ? &spec_.meta_test() : nullptr;
  const InnerSpec& inner = test != nullptr && test->has_inner() ? test->inner() : spec_.inner();
  const at::NoGradGuard no_grad;
  const Batch with_queries = PoolModel::WithQueries(model, ByName(model, meta).model, support);
  const PoolModel pool(model, spec_.meta_prompter(), with_queries);
  const ModelParams all = Descend(pool, StartOfPool(pool, WithoutGraph(meta), inner), with_queries, inner, test);
  const MetaParams adapted = ByName(model, all.params);
  return {adapted.model, adapted.own, {pool.MeansUnder(adapted)}};
}

at::Tensor MetaPrompter::Logits(const Model& model, const AdaptedParams& adapted, const Batch& query) const {
  const PoolModel pool(model, spec_.meta_prompter(), Batch(), adapted.fitted[0]);
  return pool
      .Forward(PoolModel::All({adapted.model.params, adapted.own}),
               PoolModel::WithQueries(model, adapted.model.params, query))
      .logits;
}

double MetaPrompter::AdaptBytes(const Model& model, const Batch& support) const {
  // Each row is counted as a separate text, which is computed twice: for its query and with its prompt.
  return 2 * DescentBytes(model, support, static_cast<double>(RowsOf(support)), spec_.meta_test());
}

TaskGradient MetaPrompter::MetaGradient(const Model& model, const ParamList& meta, const Episode& episode,
                                        int64_t /*meta_step*/) const {
  const ParamList of_model = ByName(model, meta).model;
  Episode with_queries = episode;
  with_queries.support = PoolModel::WithQueries(model, of_model, episode.support);
  with_queries.query = PoolModel::WithQueries(model, of_model, episode.query);
  const PoolModel pool(model, spec_.meta_prompter(), with_queries.support);
  const auto start = [&](const MetaParams& leaves, const Batch& /*support*/) {
    return StartOfPool(pool, leaves.model, spec_.inner());
  };
  return UnrolledGradient(pool, meta, pool.InPool(), with_queries, start, spec_.inner(),
                          {true, LastStepWeight(spec_.inner().steps()), spec_.meta_gradient()});
}

}  // namespace metaprompt
