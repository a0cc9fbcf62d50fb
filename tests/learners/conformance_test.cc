// What every learner promises, whoever wrote it, on the real model in double precision. The cases are every learner of
// LearnerSpec's oneof with every group of settings that it heeds, found by reflection: a learner that is new is met
// here as it is.
#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <memory>
#include <numeric>
#include <ostream>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "episodes/text_task.h"
#include "google/protobuf/descriptor.h"
#include "google/protobuf/text_format.h"
#include "learners/check_learner.h"
#include "learners/inner/inner_loop.h"
#include "learners/inner/meta_step.h"
#include "learners/inner/task_pool.h"
#include "learners/learner.h"
#include "learners/papers/make_learner.h"
#include "metaprompt/base/random.h"
#include "metaprompt/checkpoints/safetensors.h"
#include "metaprompt/model/episode.h"
#include "metaprompt/prompt_model.h"
#include "metaprompt/prompts/pack_texts.h"
#include "tests/helpers/differences.h"

namespace metaprompt {
namespace {

constexpr int64_t kVocab = 32;
constexpr int64_t kSoft = 2;
constexpr int64_t kWays = 3;

// ---------------------------------------------------------------------------------------------------------------------
// The cases.

enum class ModelKind {
  kPlain,
  kLora,        // with low-rank updates, and features that are means over tokens
  kDeepPrompt,  // with soft vectors that pass an LSTM and an MLP, and a prefix
  kPrototypes,  // whose class vectors begin as prototypes
};

struct Case {
  std::string name;
  LearnerSpec spec;
  ModelKind model = ModelKind::kPlain;
};

std::ostream& operator<<(std::ostream& out, const Case& one) { return out << one.spec.ShortDebugString(); }

// Rates are powers of 2, so that halves and float32 copies of them are exact.
constexpr char kInner[] =
    "inner { steps: 2 encoder_lr: 0.0625 prompt_lr: 0.125 lora_lr: 0.125 class_lr: 0.25 epsilon: 0.125 }";

struct Variant {
  const char* name;
  const char* settings;
  ModelKind model = ModelKind::kPlain;
  bool without_adapts = false;  // for learners that do not heed it, in place of the variants that set it
};

constexpr Variant kVariants[] = {
    {"Plain", ""},
    {"AdamW", "inner { optimizer: ADAMW weight_decay: 0.125 } meta_gradient { way: RECOMPUTE }"},
    {"Prompt", "adapts { part: PROMPT } inner { class_lr: 0 optimizer: ADAMW }"},
    {"LastLayers", "adapts { part: LAST_LAYERS } learns { part: ENCODER } meta_gradient { way: RECOMPUTE }"},
    {"Biases", "adapts { part: BIASES } learns { part: PROMPT } inner { class_lr: 0 optimizer: ADAMW }"},
    {"Lora", "adapts { part: LORA } learns { part: LAST_LAYERS } inner { class_lr: 0 }", ModelKind::kLora},
    {"LearnsLora", "learns { part: LORA }", ModelKind::kLora, true},
    {"NoClassHead", "inner { class_lr: 0 } meta_gradient { way: RECOMPUTE }", ModelKind::kPlain, true},
    {"DeepPrompt", "adapts { part: PROMPT } inner { class_lr: 0 optimizer: ADAMW }", ModelKind::kDeepPrompt},
    {"Vectors", "adapts { part: VECTORS } meta_gradient { way: RECOMPUTE }", ModelKind::kDeepPrompt},
    {"LearnsDeepPrompt", "learns { part: PROMPT }", ModelKind::kDeepPrompt, true},
    {"Prototypes", "", ModelKind::kPrototypes},
    {"FixedPrototypes", "adapts { part: PROMPT } inner { class_lr: 0 }", ModelKind::kPrototypes},
};

// Learners whose class vectors begin as the model says.
bool TakesPrototypes(const LearnerSpec& spec) {
  return spec.has_maml() || spec.has_reptile() || spec.has_anil() || spec.has_meta_sgd() || spec.has_cavia() ||
         spec.has_imaml();
}

bool Heeds(const LearnerSpec& spec, const std::string& group) {
  const google::protobuf::Reflection& reflection = *spec.GetReflection();
  const google::protobuf::OneofDescriptor& kinds = *LearnerSpec::descriptor()->FindOneofByName("kind");
  LearnerSpec probe;
  reflection.MutableMessage(&probe, reflection.GetOneofFieldDescriptor(spec, &kinds));
  const size_t broken = CheckLearner(probe).size();
  reflection.MutableMessage(&probe, LearnerSpec::descriptor()->FindFieldByName(group));
  return CheckLearner(probe).size() <= broken;
}

// The spec with `settings`, but for how meta-gradients are computed where it does not heed that.
LearnerSpec With(const LearnerSpec& spec, const std::string& settings) {
  LearnerSpec with = spec;
  EXPECT_TRUE(google::protobuf::TextFormat::MergeFromString(settings, &with)) << settings;
  if (!Heeds(spec, "meta_gradient")) {
    with.clear_meta_gradient();
  }
  return with;
}

// Every learner with every variant whose groups it heeds, and with every choice of its own: each flag turned over, each
// other value of an enumeration, each optional part.
std::vector<Case> AllCases() {
  std::vector<Case> cases;
  const google::protobuf::OneofDescriptor& kinds = *LearnerSpec::descriptor()->FindOneofByName("kind");
  for (int k = 0; k < kinds.field_count(); ++k) {
    const google::protobuf::FieldDescriptor& kind = *kinds.field(k);
    LearnerSpec plain;
    plain.GetReflection()->MutableMessage(&plain, &kind);
    plain = Heeds(plain, "inner") ? With(plain, kInner) : plain;
    for (const Variant& variant : kVariants) {
      const LearnerSpec spec = With(plain, variant.settings);
      if (CheckLearner(spec).empty() && !(variant.without_adapts && Heeds(plain, "adapts")) &&
          (variant.model != ModelKind::kPrototypes || TakesPrototypes(spec))) {
        cases.push_back({absl::StrCat(kind.name(), "_", variant.name), spec, variant.model});
      }
    }
    const google::protobuf::Descriptor& own = *kind.message_type();
    for (int f = 0; f < own.field_count(); ++f) {
      const google::protobuf::FieldDescriptor& field = *own.field(f);
      const auto add = [&](const std::string& value, const auto& set) {
        LearnerSpec spec = plain;
        google::protobuf::Message* message = spec.GetReflection()->MutableMessage(&spec, &kind);
        set(message->GetReflection(), message);
        cases.push_back({absl::StrCat(kind.name(), "_", field.name(), value), spec});
      };
      if (field.type() == google::protobuf::FieldDescriptor::TYPE_BOOL) {
        add("", [&](const auto* r, auto* m) { r->SetBool(m, &field, !field.default_value_bool()); });
      } else if (field.type() == google::protobuf::FieldDescriptor::TYPE_MESSAGE) {
        add("", [&](const auto* r, auto* m) { r->MutableMessage(m, &field); });
      } else if (field.type() == google::protobuf::FieldDescriptor::TYPE_ENUM) {
        for (int v = 0; v < field.enum_type()->value_count(); ++v) {
          const google::protobuf::EnumValueDescriptor& value = *field.enum_type()->value(v);
          if (&value != field.default_value_enum()) {
            add(absl::StrCat("_", value.name()), [&](const auto* r, auto* m) { r->SetEnum(m, &field, &value); });
          }
        }
      }
    }
  }
  return cases;
}

// ---------------------------------------------------------------------------------------------------------------------
// The world: tasks in made-up words. Ids are the vocabulary's, and -1 - s for soft vector s.

struct ToyTask {
  std::vector<PromptedText> support;
  std::vector<PromptedText> query;
  std::vector<int64_t> support_labels;
  std::vector<int64_t> query_labels;
  std::vector<std::vector<int64_t>> answers;  // [ways, 2]
};

std::vector<int64_t> Shuffled(int64_t first, int64_t end, Random* random) {
  std::vector<int64_t> values(static_cast<size_t>(end - first));
  std::iota(values.begin(), values.end(), first);
  random->PartialShuffle(values.size(), &values);
  return values;
}

// The texts of a class hold words of its own, `words` of them to choose from.
ToyTask MakeTask(uint64_t seed, int64_t shots, int64_t queries, int64_t words = 4) {
  Random random(SubSeed(seed, "conformance/task"));
  const std::vector<int64_t> vocabulary = Shuffled(2, 22, &random);
  const std::vector<int64_t> names = Shuffled(22, kVocab, &random);
  ToyTask task;
  for (int64_t way = 0; way < kWays; ++way) {
    for (int64_t i = 0; i < shots + queries; ++i) {
      PromptedText text;
      text.ids = {0, -1};
      for (auto k = static_cast<int64_t>(random.Below(3)); k >= 0; --k) {
        const auto word = way * words + static_cast<int64_t>(random.Below(static_cast<uint64_t>(words)));
        text.ids.push_back(vocabulary[static_cast<size_t>(word)]);
      }
      text.ids.push_back(-2);
      text.ids.push_back(1);
      text.read_at = static_cast<int64_t>(text.ids.size()) - 1;
      (i < shots ? task.support : task.query).push_back(text);
      (i < shots ? task.support_labels : task.query_labels).push_back(way);
    }
    task.answers.push_back({names[static_cast<size_t>(2 * way)], names[static_cast<size_t>(2 * way + 1)]});
  }
  return task;
}

at::Tensor Ids(const std::vector<int64_t>& ids) { return at::tensor(at::ArrayRef<int64_t>(ids), at::kLong); }

// The tasks as TextSource builds them, over the rows that occur in them. Way w is what way[w] was.
Episode Build(const std::vector<ToyTask>& tasks, const std::vector<int64_t>& way = {0, 1, 2}) {
  std::set<int64_t> ids;
  for (const ToyTask& task : tasks) {
    for (const std::vector<PromptedText>* texts : {&task.support, &task.query}) {
      for (const PromptedText& text : *texts) {
        ids.insert(text.ids.begin(), text.ids.end());
      }
    }
    for (const std::vector<int64_t>& answer : task.answers) {
      ids.insert(answer.begin(), answer.end());
    }
  }
  const std::vector<int64_t> rows(ids.lower_bound(0), ids.end());
  const auto row_of = [&](int64_t id) {
    return id < 0 ? id : std::lower_bound(rows.begin(), rows.end(), id) - rows.begin();
  };
  std::vector<int64_t> answers;
  ToyTask all;
  for (const ToyTask& task : tasks) {
    for (const int64_t w : way) {
      for (const int64_t id : task.answers[static_cast<size_t>(w)]) {
        answers.push_back(row_of(id));
      }
    }
    all.support.insert(all.support.end(), task.support.begin(), task.support.end());
    all.query.insert(all.query.end(), task.query.begin(), task.query.end());
    all.support_labels.insert(all.support_labels.end(), task.support_labels.begin(), task.support_labels.end());
    all.query_labels.insert(all.query_labels.end(), task.query_labels.begin(), task.query_labels.end());
  }
  const auto count = static_cast<int64_t>(tasks.size());
  const Answers of_ways{Ids(answers).view({count * kWays, 2}),
                        at::tensor({0.25, 0.75}, at::kDouble).expand({count * kWays, 2})};
  const auto pack = [&](std::vector<PromptedText> texts, std::vector<int64_t> labels) {
    for (PromptedText& text : texts) {
      std::transform(text.ids.begin(), text.ids.end(), text.ids.begin(), row_of);
    }
    for (int64_t& label : labels) {
      label = std::find(way.begin(), way.end(), label) - way.begin();
    }
    Batch batch = PackBatch(texts, labels, of_ways);
    batch.tasks = count;
    batch.ways = kWays;
    return batch;
  };
  return {Ids(rows), pack(all.support, all.support_labels), pack(all.query, all.query_labels)};
}

Episode Build(const ToyTask& task, const std::vector<int64_t>& way = {0, 1, 2}) {
  return Build(std::vector<ToyTask>{task}, way);
}

ModelSpec ModelOf(ModelKind kind) {
  ModelSpec spec;
  BertSpec& bert = *spec.mutable_encoder()->mutable_bert();
  bert.set_layers(1);
  bert.set_width(8);
  bert.set_heads(2);
  bert.set_intermediate(12);
  bert.set_max_positions(16);
  bert.set_init_std(1);
  switch (kind) {
    case ModelKind::kPlain:
      break;
    case ModelKind::kLora:
      spec.mutable_lora()->set_rank(2);
      spec.set_features(ModelSpec::MEAN);
      break;
    case ModelKind::kDeepPrompt:
      spec.mutable_prompt()->set_reparametrisation(PromptSpec::LSTM_MLP);
      spec.mutable_prompt()->set_prefix_length(2);
      break;
    case ModelKind::kPrototypes:
      spec.mutable_verbalizer()->set_kind(VerbalizerSpec::PROTOTYPE);
      spec.mutable_verbalizer()->set_temperature(4);
      spec.set_features(ModelSpec::UNIT_MEAN);
      spec.set_read(ModelSpec::UNIT_MEAN);
      break;
  }
  return spec;
}

const PromptModel& TheModel(ModelKind kind) {
  static const auto* const models = [] {
    auto* made = new std::map<ModelKind, PromptModel>();
    for (const ModelKind one : {ModelKind::kPlain, ModelKind::kLora, ModelKind::kDeepPrompt, ModelKind::kPrototypes}) {
      made->emplace(one, PromptModel(ModelOf(one), kVocab, kSoft));
    }
    return made;
  }();
  return models->at(kind);
}

// Whole parameters with the learner's own, which begin as they do, or with noise: an initialisation has zeros, behind
// which nothing has a gradient, and is alike where training makes it differ.
ParamList WholeParams(const PromptModel& model, const Learner& learner, bool noise) {
  Random random(SubSeed(4, "conformance/noise"));
  ParamList whole;
  for (const at::Tensor& param : model.Init(4)) {
    whole.push_back(param.to(at::kDouble) + RandomTensor(param.sizes(), &random) * 0.2);
  }
  for (const at::Tensor& param : learner.InitOwn(model, 4)) {
    const at::Tensor own = param.to(at::kDouble);
    whole.push_back(noise ? own + RandomTensor(own.sizes(), &random) * (own.abs() * 0.2 + 0.01) : own);
  }
  return whole;
}

void ExpectSameBits(const ParamList& a, const ParamList& b, const std::string& what) {
  ASSERT_EQ(a.size(), b.size()) << what;
  for (size_t i = 0; i < a.size(); ++i) {
    ASSERT_EQ(a[i].defined(), b[i].defined()) << what << ", tensor " << i;
    if (a[i].defined()) {
      EXPECT_TRUE(at::equal(a[i], b[i])) << what << ", tensor " << i;
    }
  }
}

class ConformanceTest : public ::testing::TestWithParam<Case> {
 protected:
  // As a pool's tasks have it: LibTorch's layer norm sums in another order on more threads.
  void SetUp() override { SetOperationThreads(1); }

  static const LearnerSpec& spec() { return GetParam().spec; }
  static const PromptModel& model() { return TheModel(GetParam().model); }
  static bool HasInnerSteps() { return Heeds(spec(), "inner"); }

  static ParamList Meta(const Learner& learner, const Episode& episode, bool noise = true) {
    return LocalParams(MetaInfos(model(), learner), WholeParams(model(), learner, noise), episode.rows);
  }

  static at::Tensor Logits(const Learner& learner, const ParamList& meta, const Batch& support, const Batch& query) {
    return learner.Logits(model(), learner.Adapt(model(), meta, support), query);
  }
  static double Loss(const Learner& learner, const ParamList& meta, const Batch& support, const Batch& query) {
    return CrossEntropy(Logits(learner, meta, support, query), query.labels).item<double>();
  }

  // Which of the meta-parameters may be learned: what `learns` names, nothing of the model where that is not heeded,
  // and the learner's own.
  static std::vector<bool> MayLearn(size_t count) {
    std::vector<bool> may = Heeds(spec(), "learns") ? InScope(model().params(), spec().learns())
                                                    : std::vector<bool>(model().params().size(), false);
    may.resize(count, true);
    return may;
  }
};

INSTANTIATE_TEST_SUITE_P(Learners, ConformanceTest, ::testing::ValuesIn(AllCases()),
                         [](const ::testing::TestParamInfo<Case>& info) { return info.param.name; });

// ---------------------------------------------------------------------------------------------------------------------
// The promises.

// `grads` is the derivative of `f` at `meta`, along a random direction in each group of what may be learned. What may
// be learned and has no gradient has no effect.
template <typename Function>
void ExpectDerivative(const std::vector<ParamInfo>& infos, const std::vector<bool>& may, const ParamList& meta,
                      const ParamList& grads, double tolerance, const Function& f) {
  std::map<ParamGroup, ParamList> directions;
  Random random(5);
  for (size_t i = 0; i < meta.size(); ++i) {
    if (may[i]) {
      ParamList& direction = directions[infos[i].group];
      direction.resize(meta.size());
      direction[i] = Unit(RandomTensor(meta[i].sizes(), &random)) * 0.3;
    }
  }
  for (const auto& [group, direction] : directions) {
    const auto difference = Difference<double>(meta, direction, f);
    EXPECT_NEAR(Dot(grads, direction), difference, tolerance * std::max(1e-2, std::abs(difference)))
        << "group " << static_cast<int>(group);
  }
}

// Of what Adapt and Logits do, where that is the objective.
TEST_P(ConformanceTest, GradientIsTheObjectivesDerivative) {
  const std::unique_ptr<Learner> learner = MakeLearner(spec());
  const Episode episode = Build(MakeTask(1, 2, 1));
  const ParamList meta = Meta(*learner, episode);
  const TaskGradient task = learner->MetaGradient(model(), meta, episode, 0);
  if (std::isnan(task.objective)) {
    GTEST_SKIP() << "a direction without a function that it is the gradient of";
  }
  const auto of_logits = [&](const ParamList& at) { return Loss(*learner, at, episode.support, episode.query); };
  const bool same = std::abs(of_logits(meta) - task.objective) < 1e-12;
  ExpectDerivative(MetaInfos(model(), *learner), MayLearn(meta.size()), meta, task.grads, 1e-6,
                   [&](const ParamList& at) {
                     return same ? of_logits(at) : learner->MetaGradient(model(), at, episode, 0).objective;
                   });
}

// However it is computed.
TEST_P(ConformanceTest, GraphKeptAndRecomputedAreOneGradient) {
  if (!Heeds(spec(), "meta_gradient")) {
    GTEST_SKIP() << "does not differentiate inner steps";
  }
  const Episode episode = Build(MakeTask(2, 2, 2));
  const std::unique_ptr<Learner> keep = MakeLearner(With(spec(), "meta_gradient { way: KEEP_GRAPH }"));
  const std::unique_ptr<Learner> again = MakeLearner(With(spec(), "meta_gradient { way: RECOMPUTE }"));
  const ParamList meta = Meta(*keep, episode);
  const TaskGradient a = keep->MetaGradient(model(), meta, episode, 0);
  const TaskGradient b = again->MetaGradient(model(), meta, episode, 0);
  EXPECT_NEAR(a.query_loss, b.query_loss, 1e-12);
  EXPECT_EQ(a.query_accuracy, b.query_accuracy);
  if (!std::isnan(a.objective)) {
    EXPECT_NEAR(a.objective, b.objective, 1e-12);
  }
  for (size_t i = 0; i < meta.size(); ++i) {
    ASSERT_EQ(a.grads[i].defined(), b.grads[i].defined()) << i;
    if (a.grads[i].defined()) {
      EXPECT_LT(MaxDifference(a.grads[i], b.grads[i]), 1e-10) << i;
    }
  }
}

// What meta-training reports and lowers is how the query texts fare that Adapt and Logits serve. Exceptions: Reptile
// reports its last step's texts; ContrastNet lowers a contrastive loss; a multi-step loss is that after every step.
TEST_P(ConformanceTest, ObjectiveIsTheQueryLossAfterAdaptation) {
  const std::unique_ptr<Learner> learner = MakeLearner(spec());
  const Episode episode = Build(MakeTask(3, 2, 3));
  const ParamList meta = Meta(*learner, episode);
  const TaskGradient task = learner->MetaGradient(model(), meta, episode, 0);
  const at::Tensor logits = Logits(*learner, meta, episode.support, episode.query);
  if (!spec().has_reptile()) {
    EXPECT_NEAR(task.query_loss, CrossEntropy(logits, episode.query.labels).item<double>(), 1e-12);
    EXPECT_EQ(task.query_accuracy, Accuracy(logits, episode.query.labels));
  }
  if (!std::isnan(task.objective) && !spec().has_contrast_net() && !spec().maml().has_multi_step()) {
    EXPECT_NEAR(task.objective, task.query_loss, 1e-12);
  }
}

TEST_P(ConformanceTest, LeavesItsInputAsItIsAndReturnsNoGraph) {
  const Episode episode = Build(MakeTask(4, 2, 2));
  for (const bool learns : {true, false}) {
    if (!learns && !Heeds(spec(), "learns")) {
      continue;
    }
    const std::unique_ptr<Learner> learner = MakeLearner(learns ? spec() : With(spec(), "learns { part: NONE }"));
    const ParamList meta = Meta(*learner, episode);
    const ParamList before = Detached(meta);
    const ParamList adapted = learner->Adapt(model(), meta, episode.support);
    const at::Tensor logits = learner->Logits(model(), adapted, episode.query);
    const TaskGradient task = learner->MetaGradient(model(), meta, episode, 0);
    ExpectSameBits(meta, before, "the input");
    EXPECT_FALSE(logits.requires_grad());
    for (const at::Tensor& tensor : adapted) {
      EXPECT_FALSE(tensor.requires_grad());
    }
    std::vector<bool> may = MayLearn(meta.size());
    for (size_t i = 0; !learns && i < model().params().size(); ++i) {
      may[i] = false;
    }
    ASSERT_EQ(task.grads.size(), meta.size());
    bool any = false;
    for (size_t i = 0; i < meta.size(); ++i) {
      EXPECT_FALSE(meta[i].requires_grad()) << "the input got a graph";
      if (task.grads[i].defined()) {
        EXPECT_TRUE(may[i]) << "parameter " << i << " is not to be learned";
        EXPECT_EQ(task.grads[i].sizes(), meta[i].sizes());
        EXPECT_FALSE(task.grads[i].requires_grad());
        any = any || task.grads[i].abs().max().item<double>() > 0;
      }
    }
    const bool can =
        learns ? Heeds(spec(), "learns") || !learner->OwnParams(model()).empty() : !learner->OwnParams(model()).empty();
    EXPECT_EQ(any, can);
  }
}

// Ways have no meaning by their number, texts none by their place; a query text is classified alone, and by its text.
TEST_P(ConformanceTest, OrderAndCompanyDoNotMatter) {
  const std::unique_ptr<Learner> learner = MakeLearner(spec());
  const ToyTask toy = MakeTask(5, 2, 2);
  const Episode episode = Build(toy);
  const ParamList meta = Meta(*learner, episode);
  const ParamList adapted = learner->Adapt(model(), meta, episode.support);
  const at::Tensor logits = learner->Logits(model(), adapted, episode.query);
  EXPECT_EQ(logits.sizes(), at::IntArrayRef({RowsOf(episode.query), kWays}));

  const std::vector<int64_t> way = {2, 0, 1};
  const Episode renumbered = Build(toy, way);
  EXPECT_LT(
      MaxDifference(Logits(*learner, meta, renumbered.support, renumbered.query), logits.index_select(1, Ids(way))),
      1e-10);
  EXPECT_NEAR(learner->MetaGradient(model(), meta, renumbered, 0).query_loss,
              learner->MetaGradient(model(), meta, episode, 0).query_loss, 1e-10);

  Random random(6);
  const std::vector<int64_t> support = Shuffled(0, RowsOf(episode.support), &random);
  EXPECT_LT(MaxDifference(Logits(*learner, meta, SelectRows(episode.support, support), episode.query), logits), 1e-10);
  const std::vector<int64_t> query = Shuffled(0, RowsOf(episode.query), &random);
  EXPECT_LT(MaxDifference(learner->Logits(model(), adapted, SelectRows(episode.query, query)),
                          logits.index_select(0, Ids(query))),
            1e-10);
  for (const int64_t one : {int64_t{0}, RowsOf(episode.query) - 1}) {
    EXPECT_LT(MaxDifference(learner->Logits(model(), adapted, SelectRows(episode.query, {one}))[0], logits[one]),
              1e-10);
  }
  Batch unlabelled = episode.query;
  unlabelled.labels = at::zeros_like(unlabelled.labels);
  EXPECT_TRUE(at::equal(learner->Logits(model(), adapted, unlabelled), logits)) << "the label gives the answer away";
}

TEST_P(ConformanceTest, SameBitsEachTimeOnSeveralThreadsAndWithoutGradMode) {
  const std::unique_ptr<Learner> learner = MakeLearner(spec());
  const Episode episode = Build(MakeTask(7, 2, 2));
  const ParamList meta = Meta(*learner, episode);
  const ParamList once = learner->Adapt(model(), meta, episode.support);
  const TaskGradient task = learner->MetaGradient(model(), meta, episode, 3);
  constexpr size_t kTimes = 2;
  std::vector<ParamList> others(kTimes);
  std::vector<TaskGradient> tasks(kTimes);
  TaskPool pool(2);
  pool.Run(kTimes, [&](int64_t i) {
    const at::AutoGradMode mode(i == 0);
    others[static_cast<size_t>(i)] = learner->Adapt(model(), meta, episode.support);
    tasks[static_cast<size_t>(i)] = learner->MetaGradient(model(), meta, episode, 3);
  });
  for (size_t i = 0; i < kTimes; ++i) {
    ExpectSameBits(others[i], once, "Adapt");
    ExpectSameBits(tasks[i].grads, task.grads, "MetaGradient");
    EXPECT_EQ(tasks[i].query_loss, task.query_loss);
    EXPECT_EQ(tasks[i].query_accuracy, task.query_accuracy);
    EXPECT_EQ(tasks[i].recomputed, task.recomputed);
  }
}

// Saved and loaded half-way, meta-training goes on with the same bits.
TEST_P(ConformanceTest, ALoadedStateGoesOnAsTheSavedOne) {
  const std::unique_ptr<Learner> learner = MakeLearner(spec());
  MetaOptimizerSpec optimizer;
  TaskPool pool(1);
  const auto step = [&](LearnerState* state) {
    MetaBatch batch;
    const auto seed = static_cast<uint64_t>(100 + state->meta_step);
    batch.episode = [=](int64_t /*first*/, int64_t /*count*/) { return Build(MakeTask(seed, 1, 2)); };
    const absl::StatusOr<StepStats> stats = MetaStep(*learner, model(), optimizer, 4, batch, &pool, state);
    ASSERT_TRUE(stats.ok()) << stats.status();
  };
  LearnerState state = StartLearning(WholeParams(model(), *learner, true));
  const ParamList start = Detached(state.params);
  step(&state);
  TensorFile file;
  const auto lists = [](LearnerState* of) {
    return std::vector<ParamList*>{&of->params, &of->optimizer.first, &of->optimizer.second};
  };
  size_t place = 0;
  for (const ParamList* list : lists(&state)) {
    for (const at::Tensor& tensor : *list) {
      const size_t number = place++;
      if (tensor.defined()) {  // moments of what is not learned are not
        file.tensors.emplace_back(absl::StrCat(number), tensor.clone());
      }
    }
  }
  const absl::StatusOr<TensorFile> read = ParseSafetensors(SafetensorsBytes(file), "state");
  ASSERT_TRUE(read.ok()) << read.status();
  LearnerState loaded;
  loaded.meta_step = state.meta_step;
  loaded.optimizer.step = state.optimizer.step;
  size_t next = 0;
  for (ParamList* list : lists(&loaded)) {
    while (list->size() < state.params.size()) {
      const at::Tensor tensor = read->Find(absl::StrCat(next++));
      list->push_back(tensor.defined() ? tensor.clone() : tensor);
    }
  }
  step(&state);
  step(&loaded);
  ExpectSameBits(loaded.params, state.params, "parameters");
  ExpectSameBits(loaded.optimizer.first, state.optimizer.first, "first moments");
  ExpectSameBits(loaded.optimizer.second, state.optimizer.second, "second moments");
  bool moved = false;
  for (size_t i = 0; i < start.size(); ++i) {
    moved = moved || !at::equal(start[i], state.params[i]);
  }
  EXPECT_EQ(moved, Heeds(spec(), "learns") || !learner->OwnParams(model()).empty());
}

// Of no steps, or of steps of size 0. The start is the plain model; not CAVIA's, ProtoMAML's, MetaPrompter's and
// that with prototypes.
TEST_P(ConformanceTest, NoInnerStepsAreTheStart) {
  if (!HasInnerSteps()) {
    GTEST_SKIP() << "no inner steps";
  }
  const Episode episode = Build(MakeTask(9, 2, 2));
  const std::unique_ptr<Learner> none = MakeLearner(With(spec(), "inner { steps: 0 }"));
  const std::unique_ptr<Learner> still =
      MakeLearner(With(spec(), "inner { encoder_lr: 0 prompt_lr: 0 lora_lr: 0 class_lr: 0 }"));
  const ParamList meta = Meta(*none, episode);
  const at::Tensor logits = Logits(*none, meta, episode.support, episode.query);
  EXPECT_LT(MaxDifference(Logits(*still, Meta(*still, episode, false), episode.support, episode.query),
                          Logits(*none, Meta(*none, episode, false), episode.support, episode.query)),
            1e-12);
  if (!spec().has_cavia() && !spec().has_proto_maml() && !spec().has_meta_prompter() &&
      GetParam().model != ModelKind::kPrototypes) {
    const ParamList own(meta.begin(), meta.begin() + static_cast<int64_t>(model().params().size()));
    EXPECT_LT(MaxDifference(logits, model().Forward(own, episode.query).logits), 1e-12);
  }
  EXPECT_TRUE(std::isfinite(none->MetaGradient(model(), meta, episode, 0).query_loss));
  EXPECT_TRUE(std::isfinite(still->MetaGradient(model(), Meta(*still, episode), episode, 0).query_loss));
}

// Where a learner takes several tasks, together they are what each is alone, in other settings at meta-test too.
TEST_P(ConformanceTest, SeveralTasksAreEachWhatTheyAreAlone) {
  const std::vector<ToyTask> tasks = {MakeTask(10, 1, 2), MakeTask(11, 1, 2)};
  const std::vector<Episode> alone = {Build(tasks[0]), Build(tasks[1])};
  const Episode together = Build(tasks);
  std::vector<LearnerSpec> specs = {spec()};
  if (HasInnerSteps()) {
    specs.push_back(With(spec(), "inner { encoder_lr: 0 lora_lr: 0 } meta_test { inner { encoder_lr: 0.0625 } }"));
  }
  for (const LearnerSpec& one : specs) {
    const std::unique_ptr<Learner> learner = MakeLearner(one);
    if (!learner->TakesSeveralTasks(model())) {
      continue;
    }
    const std::vector<ParamInfo> infos = MetaInfos(model(), *learner);
    const ParamList whole = WholeParams(model(), *learner, true);
    ParamList expected;
    ParamList sums;
    for (const at::Tensor& param : whole) {
      expected.push_back(at::zeros_like(param));
      sums.push_back(at::zeros_like(param));
    }
    TaskGradient sum;
    std::vector<at::Tensor> logits;
    for (const Episode& episode : alone) {
      const ParamList meta = Meta(*learner, episode);
      const TaskGradient task = learner->MetaGradient(model(), meta, episode, 0);
      AddLocal(infos, task.grads, episode.rows, &expected);
      sum.query_loss += task.query_loss;
      sum.query_accuracy += task.query_accuracy;
      logits.push_back(Logits(*learner, meta, episode.support, episode.query));
    }
    const ParamList meta = Meta(*learner, together);
    const TaskGradient task = learner->MetaGradient(model(), meta, together, 0);
    AddLocal(infos, task.grads, together.rows, &sums);
    EXPECT_NEAR(task.query_loss, sum.query_loss, 1e-10);
    EXPECT_NEAR(task.query_accuracy, sum.query_accuracy, 1e-12);
    for (size_t i = 0; i < sums.size(); ++i) {
      EXPECT_LT(MaxDifference(sums[i], expected[i]), 1e-10) << infos[i].name;
    }
    EXPECT_LT(MaxDifference(Logits(*learner, meta, together.support, together.query), at::cat(logits)), 1e-10);
  }
}

// A support text that counts several times is computed once, and is worth as much as copies of it.
TEST_P(ConformanceTest, RepeatedTextsAreWorthTheirCopies) {
  const std::vector<int64_t> rows = {0, 1, 2, 3, 4, 5, 0, 3, 3, 4};
  std::vector<ToyTask> tasks;
  std::vector<ToyTask> with_copies;
  for (const uint64_t seed : {12, 13}) {
    tasks.push_back(MakeTask(seed, 2, 2));
    ToyTask copied = tasks.back();
    for (size_t i = 6; i < rows.size(); ++i) {
      const auto text = static_cast<size_t>(rows[i]);
      copied.support.push_back(copied.support[text]);
      copied.support_labels.push_back(copied.support_labels[text]);
    }
    with_copies.push_back(std::move(copied));
  }
  const auto repeated = [&](const std::vector<ToyTask>& of) {
    Episode episode = Build(of);
    std::vector<int64_t> all;
    for (size_t t = 0; t < of.size(); ++t) {
      for (const int64_t row : rows) {
        all.push_back(static_cast<int64_t>(6 * t) + row);
      }
    }
    episode.support.repeats = Ids(all);
    episode.support.labels = episode.support.labels.index_select(0, episode.support.repeats);
    return episode;
  };
  const Episode once = repeated({tasks[0]});
  const Episode copies = Build(with_copies[0]);
  const std::unique_ptr<Learner> learner = MakeLearner(spec());
  const auto same = [&](const Episode& a, const Episode& b) {
    const ParamList meta = Meta(*learner, a);
    const TaskGradient found = learner->MetaGradient(model(), meta, a, 0);
    const TaskGradient expected = learner->MetaGradient(model(), meta, b, 0);
    EXPECT_NEAR(found.query_loss, expected.query_loss, 1e-10);
    for (size_t i = 0; i < meta.size(); ++i) {
      ASSERT_EQ(found.grads[i].defined(), expected.grads[i].defined()) << i;
      if (found.grads[i].defined()) {
        EXPECT_LT(MaxDifference(found.grads[i], expected.grads[i]), 1e-8) << i;
      }
    }
    EXPECT_LT(MaxDifference(Logits(*learner, meta, a.support, a.query), Logits(*learner, meta, b.support, b.query)),
              1e-8);
  };
  same(once, copies);
  if (learner->TakesSeveralTasks(model())) {
    same(repeated(tasks), Build(with_copies));
  }
  if (HasInnerSteps()) {  // in mini-batches some of which have a text twice
    const std::unique_ptr<Learner> in_batches = MakeLearner(With(spec(), "meta_test { epochs: 3 batch: 6 }"));
    const auto logits = [&](const Episode& episode) {
      return Logits(*in_batches, Meta(*in_batches, episode), episode.support, episode.query);
    };
    EXPECT_LT(MaxDifference(logits(once), logits(copies)), 1e-8);
  }
}

TEST_P(ConformanceTest, SmallStepsLowerTheSupportLoss) {
  if (!HasInnerSteps()) {
    GTEST_SKIP() << "no inner steps";
  }
  const Episode episode = Build(MakeTask(13, 2, 2));
  const auto loss = [&](const std::string& settings) {
    const std::unique_ptr<Learner> learner = MakeLearner(With(spec(), settings));
    return Loss(*learner, Meta(*learner, episode, false), episode.support, episode.support);
  };
  const std::string small = "encoder_lr: 0.0078125 prompt_lr: 0.0078125 lora_lr: 0.0078125 weight_decay: 0";
  const double start = loss("inner { steps: 0 }");
  const double steps = loss(absl::StrCat("inner { steps: 30 ", small, " }"));
  EXPECT_LT(steps, start);
  const double batches = loss(absl::StrCat("inner { ", small, " } meta_test { epochs: 10 batch: 2 decay: LINEAR }"));
  EXPECT_LT(batches, start);
}

// Texts of one word a class, in a model whose head tells texts apart, as runs begin (PromptModel::Standardised).
TEST_P(ConformanceTest, TellsClassesApart) {
  const std::string settings =
      "inner { steps: 40 optimizer: ADAMW encoder_lr: 0.015625 prompt_lr: 0.25 lora_lr: 0.125 epsilon: 1e-8 }";
  const std::unique_ptr<Learner> learner = MakeLearner(HasInnerSteps() ? With(spec(), settings) : spec());
  constexpr int kEpisodes = 3;
  std::vector<Episode> episodes;
  std::vector<LocalBatch> texts;
  for (int e = 0; e < kEpisodes; ++e) {
    episodes.push_back(Build(MakeTask(300 + static_cast<uint64_t>(e), 3, 8, 1)));
    texts.push_back({episodes.back().rows, episodes.back().support});
  }
  ParamList whole = WholeParams(model(), *learner, false);
  const auto own = static_cast<int64_t>(model().params().size());
  const ParamList standardised = model().Standardised(ParamList(whole.begin(), whole.begin() + own), texts);
  std::copy(standardised.begin(), standardised.end(), whole.begin());
  double accuracy = 0;
  for (const Episode& episode : episodes) {
    const ParamList meta = LocalParams(MetaInfos(model(), *learner), whole, episode.rows);
    accuracy += Accuracy(Logits(*learner, meta, episode.support, episode.query), episode.query.labels) / kEpisodes;
  }
  EXPECT_GT(accuracy, 0.5);
}

// meta_test: its inner steps are in place of the others; an epoch in one batch is a step on all of the support set; a
// step in the middle of its warm-up is half as large; mini-batches are other steps, the same each time.
TEST_P(ConformanceTest, MetaTestIsWhatItSays) {
  if (!HasInnerSteps()) {
    GTEST_SKIP() << "no inner steps";
  }
  const Episode episode = Build(MakeTask(14, 2, 2));
  const auto logits = [&](const LearnerSpec& of, bool noise) {
    const std::unique_ptr<Learner> learner = MakeLearner(of);
    return Logits(*learner, Meta(*learner, episode, noise), episode.support, episode.query);
  };
  const auto with = [&](const InnerSpec& inner, const std::string& settings) {
    LearnerSpec other = With(spec(), absl::StrCat("meta_test { ", settings, " }"));
    *other.mutable_meta_test()->mutable_inner() = inner;
    return other;
  };
  InnerSpec one = spec().inner();
  one.set_steps(1);
  InnerSpec half = one;
  half.set_encoder_lr(half.encoder_lr() / 2);
  half.set_prompt_lr(half.prompt_lr() / 2);
  half.set_lora_lr(half.lora_lr() / 2);
  half.set_class_lr(half.class_lr() / 2);
  LearnerSpec in_place = spec();
  *in_place.mutable_inner() = half;
  const at::Tensor expected = logits(in_place, false);
  EXPECT_GT(MaxDifference(expected, logits(spec(), false)), 1e-6);
  EXPECT_LT(MaxDifference(expected, logits(with(half, ""), false)), 1e-12);
  EXPECT_LT(MaxDifference(expected, logits(with(one, "warmup_share: 1"), false)), 1e-12);
  EXPECT_LT(MaxDifference(expected, logits(with(one, "warmup_share: 1 epochs: 1"), false)), 1e-12);

  const at::Tensor full = logits(spec(), true);
  for (const int64_t batch : {RowsOf(episode.support), 2 * RowsOf(episode.support)}) {
    const std::string settings = absl::StrCat("meta_test { epochs: ", spec().inner().steps(), " batch: ", batch, " }");
    EXPECT_LT(MaxDifference(logits(With(spec(), settings), true), full), 1e-12) << settings;
  }
  const LearnerSpec batches = With(spec(), "meta_test { epochs: 1 batch: 4 }");  // of which the second has two texts
  const at::Tensor once = logits(batches, true);
  EXPECT_TRUE(at::equal(logits(batches, true), once));
  EXPECT_GT(MaxDifference(once, full), 1e-9);
}

// ---------------------------------------------------------------------------------------------------------------------
// What only some promise.

// ProtoMAML is MAML in a model whose class vectors begin as prototypes: one start, one gradient.
TEST(ProtoMamlConformanceTest, ItIsMamlWithPrototypes) {
  SetOperationThreads(1);
  LearnerSpec maml;
  maml.mutable_maml();
  maml = With(maml, kInner);
  LearnerSpec proto_maml = maml;
  proto_maml.mutable_proto_maml()->set_temperature(4);
  const Episode episode = Build(MakeTask(17, 2, 2));
  ModelSpec without = ModelOf(ModelKind::kPrototypes);
  without.clear_verbalizer();
  const PromptModel plain(without, kVocab, kSoft);
  const std::unique_ptr<Learner> own = MakeLearner(proto_maml);
  const ParamList meta = LocalParams(plain.params(), WholeParams(plain, *own, true), episode.rows);
  const TaskGradient expected = own->MetaGradient(plain, meta, episode, 0);
  const PromptModel& with_prototypes = TheModel(ModelKind::kPrototypes);
  for (const LearnerSpec& spec : {maml, proto_maml}) {  // the learner's own are the only ones
    const std::unique_ptr<Learner> learner = MakeLearner(spec);
    const TaskGradient found = learner->MetaGradient(with_prototypes, meta, episode, 0);
    ExpectSameBits(found.grads, expected.grads, "gradient");
    ExpectSameBits(learner->Adapt(with_prototypes, meta, episode.support), own->Adapt(plain, meta, episode.support),
                   "adapted");
  }
  // 2 c / temperature and -|c|² / temperature at the start.
  const std::unique_ptr<Learner> start = MakeLearner(With(maml, "inner { steps: 0 }"));
  const ParamList adapted = start->Adapt(with_prototypes, meta, episode.support);
  const at::Tensor read = plain.Forward(meta, episode.support).read;
  for (int64_t way = 0; way < kWays; ++way) {
    const at::Tensor mean = read.index_select(0, episode.support.labels.eq(way).nonzero().view({-1})).mean(0);
    EXPECT_LT(MaxDifference(adapted[meta.size()][way], mean / 2), 1e-12);
    EXPECT_LT(MaxDifference(adapted[meta.size() + 1][way], mean.dot(mean) / -4), 1e-12);
  }
  // And a step from there, class vectors being numbers like others, in which Adapt saves a forward pass.
  ParamList leaves = Leaves(adapted, std::vector<bool>(adapted.size(), true));
  const ModelOutput output = plain.Forward(leaves, episode.support);
  const ParamList grads = Gradients({plain.Loss(output, episode.support)}, leaves, {}, false, false);
  const ParamList stepped =
      MakeLearner(With(maml, "inner { steps: 1 encoder_lr: 0.25 prompt_lr: 0.25 class_lr: 0.25 }"))
          ->Adapt(with_prototypes, meta, episode.support);
  for (size_t i = 0; i < leaves.size(); ++i) {
    const at::Tensor expected_step = grads[i].defined() ? adapted[i] - grads[i] * 0.25 : adapted[i];
    EXPECT_LT(MaxDifference(stepped[i], expected_step), 1e-14) << i;
  }
}

// Of a prompt whose vectors pass through something, that is shared: the vectors and prefixes alone begin at 0 and
// adapt.
TEST(CaviaConformanceTest, WhatTheContextPassesThroughIsShared) {
  SetOperationThreads(1);
  const PromptModel& model = TheModel(ModelKind::kDeepPrompt);
  LearnerSpec spec;
  spec.mutable_cavia();
  spec = With(spec, absl::StrCat(kInner, " inner { class_lr: 0 }"));
  const std::unique_ptr<Learner> learner = MakeLearner(spec);
  EXPECT_TRUE(learner->TakesSeveralTasks(model));
  const Episode episode = Build(MakeTask(18, 2, 2));
  const ParamList meta = LocalParams(model.params(), WholeParams(model, *learner, true), episode.rows);
  const ParamList adapted = learner->Adapt(model, meta, episode.support);
  const ParamList start = MakeLearner(With(spec, "inner { steps: 0 }"))->Adapt(model, meta, episode.support);
  for (size_t i = 0; i < meta.size(); ++i) {
    const ParamInfo& info = model.params()[i];
    const bool context = info.group == ParamGroup::kPrompt && !info.prompt_map;
    EXPECT_EQ(at::equal(adapted[i], meta[i]), !context) << info.name;
    EXPECT_EQ(at::equal(start[i], at::zeros_like(meta[i])), context) << info.name;
  }
}

TEST(AnilConformanceTest, WithoutAClassHeadThereIsNothingToAdapt) {
  LearnerSpec spec;
  spec.mutable_anil();
  EXPECT_EQ(CheckLearner(spec),
            std::vector<std::string>{
                "learner.inner.class_lr is 0; learner.anil adapts the class vectors alone: it must be above 0"});
  spec.mutable_inner()->set_class_lr(0.1);
  EXPECT_TRUE(CheckLearner(spec).empty());
}

// An epoch of mini-batches is a step on each of them, one after another, and every text is in one.
TEST(MamlConformanceTest, MiniBatchesAreStepsOnPartsOfTheSupportSet) {
  SetOperationThreads(1);
  const PromptModel& model = TheModel(ModelKind::kPlain);
  LearnerSpec spec;
  spec.mutable_maml();
  spec = With(spec, absl::StrCat(kInner, " inner { steps: 1 class_lr: 0 }"));
  const std::unique_ptr<Learner> step = MakeLearner(spec);
  const std::unique_ptr<Learner> epoch = MakeLearner(With(spec, "meta_test { epochs: 1 batch: 3 }"));
  const Episode episode = Build(MakeTask(15, 2, 1));
  const ParamList meta = LocalParams(model.params(), WholeParams(model, *step, true), episode.rows);
  const ParamList adapted = epoch->Adapt(model, meta, episode.support);
  int same = 0;
  for (int half = 0; half < 1 << 6; ++half) {
    std::vector<int64_t> first;
    std::vector<int64_t> second;
    for (int64_t text = 0; text < 6; ++text) {
      ((half >> text) % 2 == 1 ? first : second).push_back(text);
    }
    if (first.size() == 3) {
      const ParamList between = step->Adapt(model, meta, SelectRows(episode.support, first));
      const ParamList after = step->Adapt(model, between, SelectRows(episode.support, second));
      double difference = 0;
      for (size_t i = 0; i < after.size(); ++i) {
        difference = std::max(difference, MaxDifference(after[i], adapted[i]));
      }
      same += difference < 1e-12 ? 1 : 0;
    }
  }
  EXPECT_EQ(same, 1);
}

// Where the inner steps reach their minimum, the implicit gradient is that of the query loss there.
TEST(ImamlConformanceTest, GradientIsThatOfTheMinimum) {
  SetOperationThreads(1);
  for (const std::string adapts : {"ALL", "LORA"}) {
    const PromptModel& model = TheModel(adapts == "LORA" ? ModelKind::kLora : ModelKind::kPlain);
    LearnerSpec spec;
    spec.mutable_imaml()->set_lambda(512);
    spec.mutable_imaml()->set_cg_steps(200);
    spec = With(
        spec,
        absl::StrCat("inner { steps: 14 encoder_lr: 0.001953125 prompt_lr: 0.001953125 lora_lr: 0.001953125 class_lr: ",
                     adapts == "ALL" ? "0.001953125" : "0", " } adapts { part: ", adapts, " }"));
    const std::unique_ptr<Learner> learner = MakeLearner(spec);
    const Episode episode = Build(MakeTask(16, 2, 2));
    const ParamList meta = LocalParams(model.params(), WholeParams(model, *learner, true), episode.rows);
    const TaskGradient task = learner->MetaGradient(model, meta, episode, 0);
    ExpectDerivative(
        model.params(), std::vector<bool>(meta.size(), true), meta, task.grads, 1e-6, [&](const ParamList& at) {
          const ParamList adapted = learner->Adapt(model, at, episode.support);
          return CrossEntropy(learner->Logits(model, adapted, episode.query), episode.query.labels).item<double>();
        });
  }
}

}  // namespace
}  // namespace metaprompt
