// MetaPrompting's meta-step (Hou et al. 2022), compared with torch and transformers: one inner loop per query batch,
// mini-batches, the multi-step loss, exact second order, an LSTM of full width, without and with dropout.
// tests/reference/compare_metaprompting.py makes the golden file.
#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "absl/strings/str_cat.h"
#include "learners/inner/descent.h"
#include "learners/inner/task.h"
#include "learners/inner/task_pool.h"
#include "learners/learner.h"
#include "learners/papers/make_learner.h"
#include "metaprompt/base/random.h"
#include "metaprompt/checkpoints/mapped_safetensors.h"
#include "metaprompt/checkpoints/safetensors.h"
#include "metaprompt/encoders/encoder.h"
#include "metaprompt/prompt_model.h"
#include "tests/helpers/differences.h"
#include "tests/helpers/toy_tasks.h"

namespace metaprompt {
namespace {

constexpr char kSettings[] =
    "maml { multi_step { epochs: 300 meta_steps_per_epoch: 10 }"
    "       query_batches { size: 4 repeat_inner: true reduce: SUM } }"
    "inner { steps: 3 encoder_lr: 0.05 prompt_lr: 0.05 batch: 4 }";
constexpr int64_t kMetaStep = 305;  // in epoch 30, with ten meta-steps per epoch
constexpr double kLimit = 1e-5;     // relative to a tensor's largest number

class MetaPromptingTest : public ::testing::TestWithParam<bool> {
 protected:
  static PromptModel MakeModel(bool dropout) {
    EncoderConfig config;
    config.vocab_size = 24;
    config.width = config.embedding_width = 8;
    config.layers = config.layer_groups = 2;
    config.heads = 2;
    config.intermediate = 12;
    config.max_positions = 12;
    ModelSpec spec;
    spec.mutable_prompt()->set_reparametrisation(PromptSpec::LSTM_MLP);
    spec.mutable_prompt()->set_lstm_units(8);
    if (dropout) {
      spec.mutable_dropout()->set_hidden(0.25);
      spec.mutable_dropout()->set_attention(0.125);
    }
    return PromptModel(spec, Encoder(config, /*with_head=*/true), 1);
  }

  at::Tensor Golden(const std::string& name) const { return golden_.Find(name); }

  Batch BatchOf(const std::string& part) const {
    Batch batch;
    batch.ways = 3;
    batch.inputs = TextInputs(Golden(part + "/ids"), Golden(part + "/spans"), Golden(part + "/read_at"),
                              Answers{Golden("answers"), Golden("answer_weights")});
    batch.labels = Golden(part + "/labels");
    return batch;
  }

  void ExpectGolden(const at::Tensor& found, const std::string& name) const {
    const at::Tensor expected = Golden(name);
    ASSERT_TRUE(expected.defined()) << name;
    ASSERT_TRUE(found.defined()) << name;
    EXPECT_LT(MaxDifference(found, expected.to(at::kDouble)), kLimit * expected.abs().max().item<double>()) << name;
  }

  const TensorFile golden_ = *ReadSafetensors("tests/goldens/metaprompting/meta_step.safetensors");
};

INSTANTIATE_TEST_SUITE_P(, MetaPromptingTest, ::testing::Bool(),
                         [](const auto& info) { return info.param ? "Dropout" : "Plain"; });

TEST_P(MetaPromptingTest, MetaStepIsThatOfTorchAndTransformers) {
  SetOperationThreads(1);
  const std::string part = GetParam() ? "dropout/" : "plain/";
  const PromptModel model = MakeModel(GetParam());
  LearnerSpec spec;
  spec = WithSettings(spec, kSettings);
  const std::unique_ptr<Learner> learner = MakeLearner(spec);
  ParamList meta;
  for (const ParamInfo& info : model.params()) {
    ASSERT_TRUE(Golden("start/" + info.name).defined()) << info.name;
    meta.push_back(Golden("start/" + info.name).to(at::kDouble));
  }
  Episode episode{at::Tensor(), BatchOf("support"), BatchOf("query")};
  episode.support.seed = 11;
  episode.query.seed = 12;

  // The inner loop of the first query batch: losses on its mini-batches, and parameters.
  Batch support = InTraining(episode.support);
  support.seed = SubSeed(support.seed, "query_batch", 0);
  TaskStart start = PlainStart(model, ByName(model, meta), support, spec.inner(), ScopeSpec());
  const Task task = MakeTask(model, spec.inner(), start);
  InnerState state{start.params, {}, {}};
  for (int64_t step = 0; step < 3; ++step) {
    LossAndAccuracy seen;
    state = PlainStep(task, step, 1, support, state, &seen);
    ExpectGolden(seen.loss, absl::StrCat(part, "support_loss/", step));
    for (size_t i = 0; i < meta.size(); ++i) {
      ExpectGolden(state.params[i], absl::StrCat(part, "step", step + 1, "/", model.params()[i].name));
    }
  }

  for (const char* way : {"KEEP_GRAPH", "RECOMPUTE"}) {
    SCOPED_TRACE(way);
    const TaskGradient gradient = MakeLearner(WithSettings(spec, absl::StrCat("meta_gradient { way: ", way, " }")))
                                      ->MetaGradient(model, meta, episode, kMetaStep);
    ExpectGolden(at::tensor(gradient.objective, at::kDouble), part + "objective");
    for (size_t i = 0; i < meta.size(); ++i) {
      const std::string name = absl::StrCat(part, "gradient/", model.params()[i].name);
      if (Golden(name).defined() && Golden(name).abs().max().item<double>() > 1e-12) {
        ExpectGolden(gradient.grads[i], name);
      } else if (gradient.grads[i].defined()) {  // positions that no text reaches; LSTM weights of a hidden state of 0
        EXPECT_LT(gradient.grads[i].abs().max().item<double>(), 1e-12) << name;
      }
    }
  }
}

}  // namespace
}  // namespace metaprompt
