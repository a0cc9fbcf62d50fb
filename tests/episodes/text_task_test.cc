// Several tasks in one batch give the same results as each task alone.
#include "episodes/text_task.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>
#include <torch/csrc/autograd/autograd.h>

#include <algorithm>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "metaprompt/base/random.h"
#include "metaprompt/model/batch.h"
#include "metaprompt/model/episode.h"
#include "metaprompt/model/params.h"
#include "metaprompt/prompt_model.h"
#include "tests/helpers/differences.h"
#include "tests/helpers/one_thread.h"
#include "tests/helpers/param_lists.h"

namespace metaprompt {
namespace {

constexpr int64_t kVocab = 40;
constexpr int64_t kSoft = 2;
constexpr int64_t kWays = 3;
constexpr int64_t kTasks = 3;

at::Tensor Ids(const std::vector<int64_t>& ids) { return at::tensor(at::ArrayRef<int64_t>(ids), at::kLong); }

std::vector<PromptedText> RandomTexts(int64_t count, int64_t longest, Random* random) {
  std::vector<PromptedText> texts;
  for (int64_t b = 0; b < count; ++b) {
    PromptedText text;
    text.ids = {0, -1, 1, -2};
    for (auto words = static_cast<int64_t>(random->Below(static_cast<uint64_t>(longest))); words >= 0; --words) {
      text.ids.insert(text.ids.end() - 1, 2 + static_cast<int64_t>(random->Below(kVocab - 2)));
    }
    text.read_at = 2;
    texts.push_back(std::move(text));
  }
  return texts;
}

// Task t's texts are longer, and its answers of more words, than task t - 1's.
std::vector<TextTask> RandomTasks() {
  Random random(1);
  std::vector<TextTask> tasks;
  for (int64_t t = 0; t < kTasks; ++t) {
    TextTask task;
    for (int64_t w = 0; w < kWays; ++w) {
      TextWay way;
      way.support = RandomTexts(1, 2 + 3 * t, &random);
      way.query = RandomTexts(2, 2 + 4 * t, &random);
      way.answer_ids.resize(static_cast<size_t>(w == 1 ? t + 1 : 1));
      for (int64_t& word : way.answer_ids) {
        word = static_cast<int64_t>(random.Below(kVocab));
      }
      task.push_back(std::move(way));
    }
    tasks.push_back(std::move(task));
  }
  return tasks;
}

Episode Build(absl::Span<const TextTask> tasks) {
  TextTaskOptions options;
  options.dtype = at::kDouble;
  return BuildTextTasks(tasks, options);
}

TEST(TextTaskTest, TheTextsOfAllTasksInOneBatch) {
  const std::vector<TextTask> tasks = RandomTasks();
  const Episode built = Build(tasks);
  std::set<int64_t> ids;
  for (const TextTask& task : tasks) {
    for (const TextWay& way : task) {
      for (const auto* texts : {&way.support, &way.query}) {
        for (const PromptedText& text : *texts) {
          ids.insert(text.ids.begin(), text.ids.end());
        }
      }
      ids.insert(way.answer_ids.begin(), way.answer_ids.end());
    }
  }
  const std::vector<int64_t> rows(ids.lower_bound(0), ids.end());
  EXPECT_TRUE(at::equal(built.rows, Ids(rows)));
  for (const bool query : {false, true}) {
    std::vector<int64_t> tokens;
    std::vector<int64_t> labels;
    for (const TextTask& task : tasks) {
      for (size_t w = 0; w < task.size(); ++w) {
        for (const PromptedText& text : query ? task[w].query : task[w].support) {
          for (const int64_t id : text.ids) {
            tokens.push_back(id < 0 ? id : std::lower_bound(rows.begin(), rows.end(), id) - rows.begin());
          }
          labels.push_back(static_cast<int64_t>(w));
        }
      }
    }
    const Batch& found = query ? built.query : built.support;
    EXPECT_EQ(found.tasks, kTasks);
    EXPECT_EQ(found.ways, kWays);
    EXPECT_TRUE(at::equal(TextsOf(found).ids(), Ids(tokens)));
    EXPECT_TRUE(at::equal(found.labels, Ids(labels)));
    const Answers& answers = TextsOf(found).answers();
    ASSERT_EQ(answers.ids.sizes(), at::IntArrayRef({kTasks * kWays, kTasks}));
    EXPECT_LT(MaxDifference(answers.weights.sum(1), at::ones({kTasks * kWays}, at::kDouble)), 1e-15);
  }
  // With all rows of the vocabulary, ids do not change.
  TextTaskOptions options;
  options.whole_vocabulary = true;
  const Episode whole = BuildTextTasks(tasks, options);
  EXPECT_FALSE(whole.rows.defined());
  EXPECT_TRUE(at::equal(
      at::where(TextsOf(built.query).ids().ge(0), built.rows.index_select(0, TextsOf(built.query).ids().clamp_min(0)),
                TextsOf(built.query).ids()),
      TextsOf(whole.query).ids()));
  // Tasks of different sizes cannot share a batch.
  std::vector<TextTask> uneven = tasks;
  uneven[1][0].query.pop_back();
  EXPECT_THROW(Build(uneven), c10::Error);
}

struct Setting {
  const PromptModel& model;
  const ParamList& params;  // whole
  bool per_task_soft;
  bool heads;
  int layer;  // cached below

  bool PerTask(size_t i) const { return per_task_soft && i < params.size() && model.PerTask(i); }
};

// The parameters of the merged episode, different for each task where that is allowed, followed by the class heads.
ParamList TogetherOf(const Setting& setting, const Episode& merged, Random* random) {
  const ParamList local = LocalParams(setting.model.params(), setting.params, merged.rows);
  const auto perturbed = [&](const at::Tensor& x) { return x + RandomTensor(x.sizes(), random) * 0.3; };
  ParamList together = local;
  for (size_t i = 0; i < local.size(); ++i) {
    if (setting.PerTask(i)) {
      together[i] = perturbed(at::stack(std::vector<at::Tensor>(kTasks, local[i])));
    }
  }
  if (setting.heads) {
    for (const at::Tensor& part : setting.model.ClassHead(local, merged.query)) {
      together.push_back(perturbed(part));
    }
    EXPECT_EQ(together[local.size()].sizes(), at::IntArrayRef({kTasks * kWays, setting.model.head_width()}));
    EXPECT_EQ(together[local.size() + 1].sizes(), at::IntArrayRef({kTasks * kWays}));
  }
  return together;
}

// Compares the outputs with those of task t alone, adds its gradients to `expected`, and returns its loss.
double ExpectTask(const Setting& setting, const ParamList& together, const ModelOutput& output, const Episode& merged,
                  const Episode& episode, int64_t t, ParamList* expected) {
  const PromptModel& model = setting.model;
  const size_t own = setting.params.size();
  ParamList single = LocalParams(model.params(), setting.params, episode.rows);
  for (size_t i = 0; i < own; ++i) {
    if (setting.PerTask(i)) {  // with a dimension of one task, or without
      single[i] = t == 0 ? together[i].narrow(0, t, 1) : together[i][t];
    }
  }
  for (size_t i = own; i < together.size(); ++i) {
    single.push_back(together[i].narrow(0, t * kWays, kWays));
  }
  single = WithGraph(single);
  const ModelOutput alone = model.Forward(SplitHead(model, single), episode.query);
  const auto of_task = [&](const at::Tensor& x) { return x.narrow(0, t * 2 * kWays, 2 * kWays); };
  EXPECT_LT(MaxDifference(of_task(output.logits), alone.logits), 1e-12);
  EXPECT_LT(MaxDifference(of_task(output.features), alone.features), 1e-12);
  EXPECT_LT(MaxDifference(of_task(output.read), alone.read), 1e-12);
  const at::Tensor loss = model.Loss(alone, episode.query);
  const ParamList grads = torch::autograd::grad({loss}, single, {}, false, false, true);
  const at::Tensor places = at::searchsorted(merged.rows, episode.rows);
  for (size_t i = 0; i < grads.size(); ++i) {
    if (!grads[i].defined()) {
      continue;
    }
    if (i >= own) {
      (*expected)[i].narrow(0, t * kWays, kWays).add_(grads[i]);
    } else if (setting.PerTask(i)) {
      (*expected)[i][t].add_(grads[i].view_as((*expected)[i][t]));
    } else if (model.params()[i].vocab_rows) {
      (*expected)[i].index_add_(0, places, grads[i]);
    } else {
      (*expected)[i].add_(grads[i]);
    }
  }
  return loss.item<double>();
}

void ExpectTogetherAsAlone(const Setting& setting, const Episode& merged, const std::vector<Episode>& episodes,
                           Random* random) {
  const PromptModel& model = setting.model;
  const size_t own = setting.params.size();
  const ParamList together = TogetherOf(setting, merged, random);
  const ParamList leaves = WithGraph(together);
  const Batch batch = model.CacheBelow(SplitHead(model, leaves), merged.query, setting.layer);
  EXPECT_EQ(batch.cached == nullptr, setting.layer == 0);
  const ModelOutput output = model.Forward(SplitHead(model, leaves), batch);
  const at::Tensor loss = model.Loss(output, batch);
  const ParamList found = torch::autograd::grad({loss}, leaves, {}, false, false, true);
  double sum = 0;
  ParamList expected;
  for (const at::Tensor& one : together) {
    expected.push_back(at::zeros_like(one));
  }
  for (int64_t t = 0; t < kTasks; ++t) {
    sum += ExpectTask(setting, together, output, merged, episodes[static_cast<size_t>(t)], t, &expected);
  }
  EXPECT_NEAR(loss.item<double>(), sum, 1e-12);
  for (size_t i = 0; i < expected.size(); ++i) {
    const std::string name = i < own ? model.params()[i].name : "class head";
    EXPECT_LT(MaxDifference(found[i].defined() ? found[i] : at::zeros_like(expected[i]), expected[i]), 1e-12) << name;
    if (i < own && model.PerTask(i)) {
      EXPECT_GT(expected[i].abs().max().item<double>(), 1e-6) << name;
    }
  }
}

// Logits, loss and gradients of the batch, with soft vectors and class heads per task, or shared by all tasks.
TEST(TextTaskTest, LogitsLossesAndGradientsAreThoseOfTheTasksAlone) {
  ModelSpec spec;
  BertSpec& bert = *spec.mutable_encoder()->mutable_bert();
  bert.set_layers(2);
  bert.set_width(12);
  bert.set_heads(3);
  bert.set_intermediate(20);
  bert.set_max_positions(24);
  spec.mutable_lora()->set_rank(2);
  for (const bool deep : {false, true}) {
    if (deep) {
      spec.mutable_prompt()->set_reparametrisation(PromptSpec::LSTM_MLP);
      spec.mutable_prompt()->set_prefix_length(2);
    }
    const PromptModel model(spec, kVocab, kSoft);
    Random random(2);
    ParamList params;
    for (const ParamInfo& info : model.params()) {
      params.push_back(RandomTensor(info.shape, &random) * 0.4);
    }
    const std::vector<TextTask> tasks = RandomTasks();
    std::vector<Episode> episodes;
    for (const TextTask& task : tasks) {
      episodes.push_back(Build({task}));
    }
    const Episode merged = Build(tasks);
    for (const bool per_task_soft : {false, true}) {
      for (const bool heads : {false, true}) {
        for (const int layer : {0, 1, 3, 4}) {
          SCOPED_TRACE(absl::StrCat("deep prompt ", deep, ", of each task ", per_task_soft, ", heads ", heads,
                                    ", cached below ", layer));
          ExpectTogetherAsAlone({model, params, per_task_soft, heads, layer}, merged, episodes, &random);
        }
      }
    }
  }
}

}  // namespace
}  // namespace metaprompt
