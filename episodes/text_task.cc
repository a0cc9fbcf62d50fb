#include "episodes/text_task.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <array>
#include <iterator>
#include <utility>

#include "metaprompt/prompts/pack_texts.h"
#include "metaprompt/prompts/verbalizer.h"

namespace metaprompt {
namespace {

// The texts of a batch, and the text and label of each row. Several rows may have the same text.
struct Rows {
  std::vector<PromptedText> texts;
  std::vector<int64_t> text_of;  // the text of each row
  std::vector<int64_t> labels;   // the label of each row

  void Add(PromptedText text, int times, int64_t label) {
    text_of.insert(text_of.end(), static_cast<size_t>(times), static_cast<int64_t>(texts.size()));
    labels.insert(labels.end(), static_cast<size_t>(times), label);
    texts.push_back(std::move(text));
  }
};

// The vocabulary ids that occur, in ascending order, without duplicates.
std::vector<int64_t> OccurringIds(const Rows& support, const Rows& query,
                                  const std::vector<std::vector<int64_t>>& answers, const std::vector<int64_t>& start) {
  std::vector<int64_t> ids = start;
  for (const Rows* rows : {&support, &query}) {
    for (const PromptedText& text : rows->texts) {
      std::copy_if(text.ids.begin(), text.ids.end(), std::back_inserter(ids), [](int64_t id) { return id >= 0; });
    }
  }
  for (const std::vector<int64_t>& of_way : answers) {
    ids.insert(ids.end(), of_way.begin(), of_way.end());
  }
  std::sort(ids.begin(), ids.end());
  ids.erase(std::unique(ids.begin(), ids.end()), ids.end());
  return ids;
}

// Replaces each id by its index in `rows`. Soft vectors, whose ids are negative, stay as they are.
void Renumber(const std::vector<int64_t>& rows, std::vector<int64_t>* ids) {
  for (int64_t& id : *ids) {
    id = id < 0 ? id : std::lower_bound(rows.begin(), rows.end(), id) - rows.begin();
  }
}

Batch BatchOf(const Rows& rows, const Answers& answers, int64_t tasks, bool repeated) {
  Batch batch = PackBatch(rows.texts, rows.labels, answers,
                          repeated ? absl::MakeConstSpan(rows.text_of) : absl::Span<const int64_t>());
  batch.tasks = tasks;
  batch.ways = answers.ids.size(0) / tasks;
  return batch;
}

}  // namespace

Episode BuildTextTasks(absl::Span<const TextTask> tasks, const TextTaskOptions& options) {
  TORCH_CHECK(!tasks.empty(), "BuildTextTasks: no task");
  Rows support;
  Rows query;
  std::vector<std::vector<int64_t>> answers;
  std::array<size_t, 3> first = {};  // ways, support texts and query texts of the first task
  for (size_t t = 0; t < tasks.size(); ++t) {
    for (size_t w = 0; w < tasks[t].size(); ++w) {
      const TextWay& way = tasks[t][w];
      const auto label = static_cast<int64_t>(w);
      for (const PromptedText& text : way.support) {
        support.Add(text, 1, label);
      }
      if (options.answer_texts > 0) {
        support.Add(options.prompt->Apply(way.answer_ids), options.answer_texts, label);
      }
      for (const PromptedText& text : way.query) {
        query.Add(text, 1, label);
      }
      answers.push_back(way.answer_ids);
    }
    const std::array<size_t, 3> sizes = {answers.size(), support.texts.size(), query.texts.size()};
    if (t == 0) {
      first = sizes;
    }
    for (size_t i = 0; i < sizes.size(); ++i) {
      TORCH_CHECK(sizes[i] == (t + 1) * first[i],
                  "BuildTextTasks: the tasks of a batch must have the same number of ways and texts");
    }
  }
  Episode episode;
  std::vector<int64_t> start = options.prompt == nullptr ? std::vector<int64_t>() : options.prompt->decoder();
  if (!options.whole_vocabulary) {
    const std::vector<int64_t> ids = OccurringIds(support, query, answers, start);
    for (Rows* rows : {&support, &query}) {
      for (PromptedText& text : rows->texts) {
        Renumber(ids, &text.ids);
      }
    }
    for (std::vector<int64_t>& of_way : answers) {
      Renumber(ids, &of_way);
    }
    Renumber(ids, &start);
    episode.rows = at::tensor(at::ArrayRef<int64_t>(ids), at::kLong);
  }
  TORCH_CHECK(options.whole_vocabulary || options.separator.empty(), "BuildTextTasks: a separator has vocabulary ids");
  Answers packed = WithStart(PackAnswers(answers, options.dtype), start);
  if (!options.separator.empty()) {
    packed.separator = at::tensor(at::ArrayRef<int64_t>(options.separator), at::kLong);
  }
  const auto count = static_cast<int64_t>(tasks.size());
  episode.support = BatchOf(support, packed, count, options.answer_texts > 1);
  episode.query = BatchOf(query, packed, count, /*repeated=*/false);
  return episode;
}

}  // namespace metaprompt
