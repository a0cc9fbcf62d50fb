// Several tasks computed together are each what they are alone.
#include "episodes/merge.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>
#include <torch/csrc/autograd/autograd.h>

#include <algorithm>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "episodes/episode.h"
#include "metaprompt/base/random.h"
#include "metaprompt/model/batch.h"
#include "metaprompt/model/params.h"
#include "metaprompt/prompt_model.h"
#include "tests/helpers/differences.h"
#include "tests/helpers/one_thread.h"

namespace metaprompt {
namespace {

constexpr int64_t kVocab = 40;
constexpr int64_t kSoft = 2;
constexpr int64_t kWays = 3;
constexpr int64_t kTasks = 3;

at::Tensor Ids(const std::vector<int64_t>& ids) { return at::tensor(at::ArrayRef<int64_t>(ids), at::kLong); }

// One task in vocabulary ids, -1 - s for soft vector s.
struct Task {
  std::vector<PromptedText> support;
  std::vector<PromptedText> query;
  std::vector<int64_t> support_labels;
  std::vector<int64_t> query_labels;
  std::vector<std::vector<int64_t>> answers;
};

std::vector<PromptedText> RandomTexts(int64_t count, int64_t longest, Random* random) {
  std::vector<PromptedText> texts;
  for (int64_t b = 0; b < count; ++b) {
    PromptedText text;
    text.ids = {0, -1, 1, -2};
    for (auto words = static_cast<int64_t>(random->Below(static_cast<uint64_t>(longest))); words >= 0; --words) {
      text.ids.insert(text.ids.end() - 1, 2 + static_cast<int64_t>(random->Below(kVocab - 2)));
    }
    text.mask = 2;
    texts.push_back(std::move(text));
  }
  return texts;
}

// Task t's texts are longer, and its answers of more words, than task t - 1's.
std::vector<Task> RandomTasks() {
  Random random(1);
  std::vector<Task> tasks;
  for (int64_t t = 0; t < kTasks; ++t) {
    Task task;
    task.support = RandomTexts(kWays, 2 + 3 * t, &random);
    task.query = RandomTexts(2 * kWays, 2 + 4 * t, &random);
    for (int64_t b = 0; b < 2 * kWays; ++b) {
      (b < kWays ? task.support_labels : task.query_labels).push_back(static_cast<int64_t>(random.Below(kWays)));
    }
    while (task.query_labels.size() < task.query.size()) {
      task.query_labels.push_back(static_cast<int64_t>(random.Below(kWays)));
    }
    for (int64_t w = 0; w < kWays; ++w) {
      std::vector<int64_t> words(static_cast<size_t>(w == 1 ? t + 1 : 1));
      for (int64_t& word : words) {
        word = static_cast<int64_t>(random.Below(kVocab));
      }
      task.answers.push_back(words);
    }
    tasks.push_back(std::move(task));
  }
  return tasks;
}

// The texts with ids that index `rows`, soft vectors from `first_soft` on.
std::vector<PromptedText> Local(std::vector<PromptedText> texts, const std::vector<int64_t>& rows, int64_t first_soft) {
  const auto row_of = [&](int64_t id) { return std::lower_bound(rows.begin(), rows.end(), id) - rows.begin(); };
  for (PromptedText& text : texts) {
    for (int64_t& id : text.ids) {
      id = id >= 0 ? row_of(id) : first_soft + (-1 - id);
    }
  }
  return texts;
}

std::vector<int64_t> RowsOf(const std::vector<Task>& tasks) {
  std::set<int64_t> rows;
  for (const Task& task : tasks) {
    for (const auto* texts : {&task.support, &task.query}) {
      for (const PromptedText& text : *texts) {
        rows.insert(text.ids.begin(), text.ids.end());
      }
    }
    for (const std::vector<int64_t>& words : task.answers) {
      rows.insert(words.begin(), words.end());
    }
  }
  return {rows.lower_bound(0), rows.end()};
}

Episode EpisodeOf(const Task& task) {
  Episode episode;
  const std::vector<int64_t> rows = RowsOf({task});
  const auto count = static_cast<int64_t>(rows.size());
  size_t words = 0;
  for (const std::vector<int64_t>& one : task.answers) {
    words = std::max(words, one.size());
  }
  const auto width = static_cast<int64_t>(words);
  Answers answers{at::zeros({kWays, width}, at::kLong), at::zeros({kWays, width}, at::kDouble)};
  for (int64_t w = 0; w < kWays; ++w) {
    const std::vector<int64_t>& ids = task.answers[static_cast<size_t>(w)];
    for (size_t k = 0; k < words; ++k) {
      const int64_t id = ids[std::min(k, ids.size() - 1)];
      const auto place = static_cast<int64_t>(k);
      answers.ids[w][place] = std::lower_bound(rows.begin(), rows.end(), id) - rows.begin();
      answers.weights[w][place] = k < ids.size() ? 1.0 / static_cast<double>(ids.size()) : 0.0;
    }
  }
  episode.rows = Ids(rows);
  episode.support = PackBatch(Local(task.support, rows, count), task.support_labels, answers, at::kDouble);
  episode.query = PackBatch(Local(task.query, rows, count), task.query_labels, answers, at::kDouble);
  return episode;
}

std::vector<Episode> Episodes(const std::vector<Task>& tasks) {
  std::vector<Episode> episodes;
  for (const Task& task : tasks) {
    episodes.push_back(EpisodeOf(task));
  }
  return episodes;
}

void ExpectSameBatch(const Batch& found, const Batch& expected) {
  EXPECT_EQ(found.size, expected.size);
  EXPECT_EQ(found.longest, expected.longest);
  EXPECT_TRUE(at::equal(found.token_ids, expected.token_ids));
  EXPECT_TRUE(at::equal(found.positions, expected.positions));
  EXPECT_TRUE(at::equal(found.spans, expected.spans));
  EXPECT_TRUE(at::equal(found.padded_from, expected.padded_from));
  EXPECT_TRUE(at::equal(found.packed_from, expected.packed_from));
  EXPECT_TRUE(at::equal(found.mask_from, expected.mask_from));
  EXPECT_TRUE(at::equal(found.mask_to, expected.mask_to));
  EXPECT_TRUE(at::equal(found.attention_bias, expected.attention_bias));
  EXPECT_TRUE(at::equal(found.labels, expected.labels));
}

TEST(MergeEpisodesTest, TheTextsOfAllTasksInOneBatch) {
  const std::vector<Task> tasks = RandomTasks();
  const std::vector<Episode> episodes = Episodes(tasks);
  const Episode merged = MergeEpisodes(episodes);
  const std::vector<int64_t> rows = RowsOf(tasks);
  EXPECT_TRUE(at::equal(merged.rows, Ids(rows)));
  for (const bool query : {false, true}) {
    std::vector<PromptedText> texts;
    std::vector<int64_t> labels;
    for (size_t t = 0; t < tasks.size(); ++t) {
      const Task& task = tasks[t];
      for (PromptedText& text : Local(query ? task.query : task.support, rows,
                                      static_cast<int64_t>(rows.size()) + static_cast<int64_t>(t) * kSoft)) {
        texts.push_back(std::move(text));
      }
      const std::vector<int64_t>& own = query ? task.query_labels : task.support_labels;
      labels.insert(labels.end(), own.begin(), own.end());
    }
    const Batch& found = query ? merged.query : merged.support;
    EXPECT_EQ(found.tasks, kTasks);
    ExpectSameBatch(found, PackBatch(texts, labels, Answers(), at::kDouble));
    ASSERT_EQ(found.answers.ids.sizes(), at::IntArrayRef({kTasks * kWays, kTasks}));
    EXPECT_LT(MaxDifference(found.answers.weights.sum(1), at::ones({kTasks * kWays}, at::kDouble)), 1e-15);
  }
  const Episode alone = MergeEpisodes({episodes[1]});
  EXPECT_EQ(alone.query.tasks, 1);
  EXPECT_TRUE(at::equal(alone.rows, episodes[1].rows));
  ExpectSameBatch(alone.support, episodes[1].support);
  EXPECT_TRUE(at::equal(alone.support.answers.ids, episodes[1].support.answers.ids));
  // Tasks of other sizes are no tasks of one batch.
  std::vector<Task> uneven = tasks;
  uneven[1].query.pop_back();
  uneven[1].query_labels.pop_back();
  EXPECT_THROW(MergeEpisodes(Episodes(uneven)), c10::Error);
}

// The merged batch's logits, loss and gradients in each task's own soft vectors and class head, or in those of all.
TEST(MergeEpisodesTest, LogitsLossesAndGradientsAreThoseOfTheTasksAlone) {
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
    const std::vector<Episode> episodes = Episodes(RandomTasks());
    const Episode merged = MergeEpisodes(episodes);
    const ParamList local = LocalParams(model.params(), params, merged.rows);
    const size_t own = params.size();
    const auto perturbed = [&](const at::Tensor& x) { return x + RandomTensor(x.sizes(), &random) * 0.3; };

    for (const bool per_task_soft : {false, true}) {
      for (const bool heads : {false, true}) {
        for (const int layer : {0, 1, 3, 4}) {
          SCOPED_TRACE(absl::StrCat("deep prompt ", deep, ", of each task ", per_task_soft, ", heads ", heads,
                                    ", lowered to ", layer));
          ParamList together = local;
          const auto per_task = [&](size_t i) { return per_task_soft && i < own && model.PerTask(i); };
          for (size_t i = 0; i < own; ++i) {
            if (per_task(i)) {
              together[i] = perturbed(at::stack(std::vector<at::Tensor>(kTasks, local[i])));
            }
          }
          if (heads) {
            for (const at::Tensor& part : model.ClassHead(local, merged.query.answers)) {
              together.push_back(perturbed(part));
            }
            ASSERT_EQ(together[own].sizes(), at::IntArrayRef({kTasks * kWays, model.head_width()}));
            ASSERT_EQ(together[own + 1].sizes(), at::IntArrayRef({kTasks * kWays}));
          }
          const ParamList leaves = WithGraph(together);
          const Batch batch = model.Lowered(leaves, merged.query, layer);
          EXPECT_EQ(batch.lowered, layer);
          const ModelOutput output = model.Forward(leaves, batch);
          const at::Tensor loss = model.Loss(output, batch);
          const ParamList found = torch::autograd::grad({loss}, leaves, {}, false, false, true);

          double sum = 0;
          ParamList expected;
          for (const at::Tensor& one : together) {
            expected.push_back(at::zeros_like(one));
          }
          for (int64_t t = 0; t < kTasks; ++t) {
            const Episode& episode = episodes[static_cast<size_t>(t)];
            ParamList single = LocalParams(model.params(), params, episode.rows);
            for (size_t i = 0; i < own; ++i) {
              if (per_task(i)) {  // with a dimension of one task, or without
                single[i] = t == 0 ? together[i].narrow(0, t, 1) : together[i][t];
              }
            }
            for (size_t i = own; i < together.size(); ++i) {
              single.push_back(together[i].narrow(0, t * kWays, kWays));
            }
            single = WithGraph(single);
            const ModelOutput alone = model.Forward(single, episode.query);
            const auto of_task = [&](const at::Tensor& x) { return x.narrow(0, t * 2 * kWays, 2 * kWays); };
            EXPECT_LT(MaxDifference(of_task(output.logits), alone.logits), 1e-12);
            EXPECT_LT(MaxDifference(of_task(output.features), alone.features), 1e-12);
            EXPECT_LT(MaxDifference(of_task(output.read), alone.read), 1e-12);
            const at::Tensor own_loss = model.Loss(alone, episode.query);
            sum += own_loss.item<double>();
            const ParamList grads = torch::autograd::grad({own_loss}, single, {}, false, false, true);
            const at::Tensor places = at::searchsorted(merged.rows, episode.rows);
            for (size_t i = 0; i < grads.size(); ++i) {
              if (!grads[i].defined()) {
                continue;
              }
              if (i >= own) {
                expected[i].narrow(0, t * kWays, kWays).add_(grads[i]);
              } else if (per_task(i)) {
                expected[i][t].add_(grads[i].view_as(expected[i][t]));
              } else if (model.params()[i].vocab_rows) {
                expected[i].index_add_(0, places, grads[i]);
              } else {
                expected[i].add_(grads[i]);
              }
            }
          }
          EXPECT_NEAR(loss.item<double>(), sum, 1e-12);
          for (size_t i = 0; i < expected.size(); ++i) {
            const std::string name = i < own ? model.params()[i].name : "class head";
            EXPECT_LT(MaxDifference(found[i].defined() ? found[i] : at::zeros_like(expected[i]), expected[i]), 1e-12)
                << name;
          }
          for (size_t i = 0; i < own; ++i) {
            if (model.PerTask(i)) {
              EXPECT_GT(expected[i].abs().max().item<double>(), 1e-6) << model.params()[i].name;
            }
          }
        }
      }
    }
  }
}

}  // namespace
}  // namespace metaprompt
