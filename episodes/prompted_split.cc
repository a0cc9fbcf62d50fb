#include "episodes/prompted_split.h"

#include <ATen/ATen.h>

#include <algorithm>

namespace metaprompt {

absl::StatusOr<PromptedSplit> PromptedSplit::Create(const std::vector<const TextClass*>& classes,
                                                    const Tokenizer& tokenizer, const PromptTemplate& prompt,
                                                    const VerbalizerSpec& verbalizer) {
  PromptedSplit split;
  for (const TextClass* one : classes) {
    PromptedClass prompted;
    prompted.label = one->label;
    absl::StatusOr<std::vector<int64_t>> answers = AnswerIds(verbalizer, tokenizer, one->name);
    if (!answers.ok()) {
      return answers.status();
    }
    prompted.answer_ids = *std::move(answers);
    prompted.texts.reserve(one->texts.size());
    for (const std::string& text : one->texts) {
      prompted.texts.push_back(prompt.Apply(tokenizer.Encode(text)));
    }
    split.classes_.push_back(std::move(prompted));
  }
  return split;
}

std::vector<ClassSize> PromptedSplit::sizes() const {
  std::vector<ClassSize> sizes;
  for (const PromptedClass& one : classes_) {
    sizes.push_back(ClassSize{one.label, static_cast<int64_t>(one.texts.size())});
  }
  return sizes;
}

Episode PromptedSplit::Build(const EpisodePlan& plan, at::ScalarType dtype) const {
  Episode episode;
  episode.plan = plan;
  const auto text_of = [&](const TextRef& ref) -> const PromptedText& {
    return classes_[static_cast<size_t>(ref.of_class)].texts[static_cast<size_t>(ref.text)];
  };
  // The rows: every vocabulary id of a text or an answer, once, ascending.
  std::vector<int64_t> rows;
  size_t most_words = 0;
  for (const std::vector<TextRef>* refs : {&plan.support, &plan.query}) {
    for (const TextRef& ref : *refs) {
      for (const int64_t id : text_of(ref).ids) {
        if (id >= 0) {
          rows.push_back(id);
        }
      }
    }
  }
  for (const int64_t of_class : plan.answers) {
    const std::vector<int64_t>& answers = classes_[static_cast<size_t>(of_class)].answer_ids;
    rows.insert(rows.end(), answers.begin(), answers.end());
    most_words = std::max(most_words, answers.size());
  }
  std::sort(rows.begin(), rows.end());
  rows.erase(std::unique(rows.begin(), rows.end()), rows.end());
  const auto row_of = [&](int64_t id) {
    return static_cast<int64_t>(std::lower_bound(rows.begin(), rows.end(), id) - rows.begin());
  };

  Answers answers;
  const auto ways = static_cast<int64_t>(plan.answers.size());
  answers.ids = at::empty({ways, static_cast<int64_t>(most_words)}, at::kLong);
  answers.weights = at::zeros({ways, static_cast<int64_t>(most_words)}, at::TensorOptions().dtype(dtype));
  for (int64_t w = 0; w < ways; ++w) {
    const std::vector<int64_t>& ids = classes_[static_cast<size_t>(plan.answers[static_cast<size_t>(w)])].answer_ids;
    auto* row = answers.ids.data_ptr<int64_t>() + w * static_cast<int64_t>(most_words);
    for (size_t k = 0; k < most_words; ++k) {
      row[k] = row_of(ids[std::min(k, ids.size() - 1)]);
    }
    answers.weights.select(0, w)
        .narrow(0, 0, static_cast<int64_t>(ids.size()))
        .fill_(1.0 / static_cast<double>(ids.size()));
  }

  const auto num_rows = static_cast<int64_t>(rows.size());
  const auto pack = [&](const std::vector<TextRef>& refs) {
    std::vector<PromptedText> texts;
    std::vector<int64_t> labels;
    const size_t per_way = refs.size() / plan.classes.size();
    for (size_t i = 0; i < refs.size(); ++i) {
      texts.push_back(text_of(refs[i]));
      for (int64_t& id : texts.back().ids) {
        id = id >= 0 ? row_of(id) : num_rows + (-1 - id);
      }
      labels.push_back(static_cast<int64_t>(i / per_way));
    }
    return PackBatch(texts, labels, answers, dtype);
  };
  episode.support = pack(plan.support);
  episode.query = pack(plan.query);
  episode.rows = at::tensor(at::ArrayRef<int64_t>(rows), at::kLong);
  return episode;
}

}  // namespace metaprompt
