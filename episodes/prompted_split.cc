#include "episodes/prompted_split.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <iterator>
#include <map>

#include "absl/strings/str_cat.h"
#include "metaprompt/base/random.h"

namespace metaprompt {
namespace {

constexpr int64_t kTextsOfWord = 20;
constexpr double kWithoutWord = 0.3;  // share of the texts of a word task that lose the word

}  // namespace

absl::Status CheckDistinctAnswers(const std::vector<const TextClass*>& classes, const Tokenizer& tokenizer,
                                  const VerbalizerSpec& verbalizer, absl::string_view side) {
  if (verbalizer.allow_same_words()) {
    return absl::OkStatus();
  }
  std::map<std::vector<int64_t>, const TextClass*> seen;
  for (const TextClass* one : classes) {
    absl::StatusOr<std::vector<int64_t>> ids = AnswerIds(verbalizer, tokenizer, one->label, one->name);
    if (!ids.ok()) {
      return ids.status();
    }
    std::sort(ids->begin(), ids->end());
    const auto [place, is_new] = seen.try_emplace(*std::move(ids), one);
    if (!is_new) {
      const TextClass& first = *place->second;
      return absl::InvalidArgumentError(absl::StrCat(
          "the ", side, " classes '", first.label, "' and '", one->label,
          "' have the same answer words to this tokenizer (names '", first.name, "', '", one->name,
          "'), so that nothing tells them apart; give one others in model.verbalizer.answers, leave one out of "
          "dataset.split, or set model.verbalizer.allow_same_words"));
    }
  }
  return absl::OkStatus();
}

Answers PackAnswers(const std::vector<std::vector<int64_t>>& ids_of, at::ScalarType dtype) {
  size_t most_words = 0;
  for (const std::vector<int64_t>& ids : ids_of) {
    most_words = std::max(most_words, ids.size());
  }
  const auto ways = static_cast<int64_t>(ids_of.size());
  const auto words = static_cast<int64_t>(most_words);
  Answers answers;
  answers.ids = at::empty({ways, words}, at::kLong);
  answers.weights = at::zeros({ways, words}, at::TensorOptions().dtype(dtype));
  for (int64_t w = 0; w < ways; ++w) {
    const std::vector<int64_t>& ids = ids_of[static_cast<size_t>(w)];
    auto* row = answers.ids.data_ptr<int64_t>() + w * words;
    for (size_t k = 0; k < most_words; ++k) {
      row[k] = ids[std::min(k, ids.size() - 1)];
    }
    answers.weights.select(0, w)
        .narrow(0, 0, static_cast<int64_t>(ids.size()))
        .fill_(1.0 / static_cast<double>(ids.size()));
  }
  return answers;
}

absl::StatusOr<PromptedSplit> PromptedSplit::Create(const std::vector<const TextClass*>& classes,
                                                    const Tokenizer& tokenizer, const PromptTemplate& prompt,
                                                    const VerbalizerSpec& verbalizer, bool word_tasks) {
  PromptedSplit split;
  split.prompt_ = prompt;
  split.answer_texts_ = verbalizer.answer_texts();
  const SpecialIds special = tokenizer.special();
  for (int64_t id = 0; id < tokenizer.vocab_size(); ++id) {
    if (id != special.cls && id != special.sep && id != special.mask) {
      split.pieces_.push_back(id);
    }
  }
  for (const TextClass* one : classes) {
    PromptedClass prompted;
    prompted.label = one->label;
    absl::StatusOr<std::vector<int64_t>> answers = AnswerIds(verbalizer, tokenizer, one->label, one->name);
    if (!answers.ok()) {
      return answers.status();
    }
    prompted.answer_ids = *std::move(answers);
    prompted.texts.reserve(one->texts.size());
    for (const std::string& text : one->texts) {
      prompted.texts.push_back(prompt.Apply(tokenizer.Encode(absl::StrCat(prompt.text_prefix(), text))));
    }
    split.classes_.push_back(std::move(prompted));
  }
  if (word_tasks) {
    split.ShareOutAmongWords(tokenizer.vocab_size());
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

void PromptedSplit::ShareOutAmongWords(int64_t vocab_size) {
  std::vector<int64_t> texts_with(static_cast<size_t>(vocab_size), 0);
  const auto pieces_of = [](const PromptedText& text) {
    std::vector<int64_t> ids(text.ids.begin() + text.text_begin, text.ids.begin() + text.text_end);
    std::sort(ids.begin(), ids.end());
    ids.erase(std::unique(ids.begin(), ids.end()), ids.end());
    return ids;
  };
  for (const PromptedClass& one : classes_) {
    for (const PromptedText& text : one.texts) {
      for (const int64_t id : pieces_of(text)) {
        ++texts_with[static_cast<size_t>(id)];
      }
    }
  }
  std::vector<std::vector<TextRef>> texts_of(static_cast<size_t>(vocab_size));
  for (size_t c = 0; c < classes_.size(); ++c) {
    for (size_t t = 0; t < classes_[c].texts.size(); ++t) {
      int64_t rarest = -1;
      for (const int64_t id : pieces_of(classes_[c].texts[t])) {
        const int64_t count = texts_with[static_cast<size_t>(id)];
        if (count >= kTextsOfWord && (rarest < 0 || count < texts_with[static_cast<size_t>(rarest)])) {
          rarest = id;
        }
      }
      if (rarest >= 0) {
        texts_of[static_cast<size_t>(rarest)].push_back(TextRef{static_cast<int64_t>(c), static_cast<int64_t>(t)});
      }
    }
  }
  for (size_t id = 0; id < texts_of.size(); ++id) {
    if (!texts_of[id].empty()) {
      words_.push_back(Word{static_cast<int64_t>(id), std::move(texts_of[id])});
    }
  }
}

std::vector<int64_t> PromptedSplit::WordSizes() const {
  std::vector<int64_t> sizes;
  sizes.reserve(words_.size());
  for (const Word& word : words_) {
    sizes.push_back(static_cast<int64_t>(word.texts.size()));
  }
  return sizes;
}

PromptedText PromptedSplit::TextOf(const EpisodePlan& plan, const TextRef& ref, Random* random) const {
  if (!plan.word_task) {
    return classes_[static_cast<size_t>(ref.of_class)].texts[static_cast<size_t>(ref.text)];
  }
  const Word& word = words_[static_cast<size_t>(ref.of_class)];
  const TextRef& original = word.texts[static_cast<size_t>(ref.text)];
  PromptedText text = classes_[static_cast<size_t>(original.of_class)].texts[static_cast<size_t>(original.text)];
  if (random->Uniform() < kWithoutWord) {
    const auto begin = text.ids.begin() + text.text_begin;
    const auto end = text.ids.begin() + text.text_end;
    const auto kept = std::remove(begin, end, word.id);
    const int64_t removed = end - kept;
    text.ids.erase(kept, end);
    text.mask -= text.mask >= text.text_end ? removed : 0;
    text.text_end -= removed;
  }
  return text;
}

std::vector<std::vector<int64_t>> PromptedSplit::AnswersOf(const EpisodePlan& plan) const {
  std::vector<std::vector<int64_t>> answers;
  Random random(plan.answer_seed);
  for (const int64_t of_class : plan.classes) {
    if (plan.borrowed_answers) {
      std::vector<int64_t> answer;
      do {  // no two ways have the same
        answer = {pieces_[random.Below(pieces_.size())]};
      } while (std::find(answers.begin(), answers.end(), answer) != answers.end() && pieces_.size() > answers.size());
      answers.push_back(std::move(answer));
    } else if (plan.word_task) {
      answers.push_back({words_[static_cast<size_t>(of_class)].id});
    } else {
      answers.push_back(classes_[static_cast<size_t>(of_class)].answer_ids);
    }
  }
  return answers;
}

Episode PromptedSplit::Build(const EpisodePlan& plan, at::ScalarType dtype) const {
  Episode episode;
  episode.plan = plan;
  Random random(SubSeed(plan.answer_seed, "texts"));
  std::vector<PromptedText> support;
  std::vector<PromptedText> query;
  std::vector<int64_t> rows;  // every vocabulary id of a text or an answer; then once each, ascending
  const std::vector<std::vector<int64_t>> answers_of = AnswersOf(plan);
  const size_t shots = plan.support.size() / plan.classes.size();
  std::vector<int64_t> support_rows;  // the text of each
  const auto as_row = [&](PromptedText text, int times) {
    support_rows.insert(support_rows.end(), static_cast<size_t>(times), static_cast<int64_t>(support.size()));
    support.push_back(std::move(text));
  };
  for (size_t i = 0; i < plan.support.size(); ++i) {
    as_row(TextOf(plan, plan.support[i], &random), 1);
    if ((i + 1) % shots == 0 && answer_texts_ > 0) {
      as_row(prompt_->Apply(answers_of[i / shots]), answer_texts_);
    }
  }
  for (const TextRef& ref : plan.query) {
    query.push_back(TextOf(plan, ref, &random));
  }
  for (const std::vector<PromptedText>* texts : {&support, &query}) {
    for (const PromptedText& text : *texts) {
      std::copy_if(text.ids.begin(), text.ids.end(), std::back_inserter(rows), [](int64_t id) { return id >= 0; });
    }
  }
  for (const std::vector<int64_t>& answers : answers_of) {
    rows.insert(rows.end(), answers.begin(), answers.end());
  }
  std::sort(rows.begin(), rows.end());
  rows.erase(std::unique(rows.begin(), rows.end()), rows.end());
  const auto row_of = [&](int64_t id) {
    return static_cast<int64_t>(std::lower_bound(rows.begin(), rows.end(), id) - rows.begin());
  };

  std::vector<std::vector<int64_t>> answer_rows = answers_of;
  for (std::vector<int64_t>& of_way : answer_rows) {
    std::transform(of_way.begin(), of_way.end(), of_way.begin(), row_of);
  }
  const Answers answers = PackAnswers(answer_rows, dtype);

  const auto num_rows = static_cast<int64_t>(rows.size());
  const auto pack = [&](std::vector<PromptedText>* texts, const std::vector<int64_t>& repeats) {
    for (PromptedText& text : *texts) {
      for (int64_t& id : text.ids) {
        id = id >= 0 ? row_of(id) : num_rows + (-1 - id);
      }
    }
    std::vector<int64_t> labels(repeats.empty() ? texts->size() : repeats.size());
    for (size_t i = 0; i < labels.size(); ++i) {
      labels[i] = static_cast<int64_t>(i * plan.classes.size() / labels.size());
    }
    return PackBatch(*texts, labels, answers, dtype, repeats);
  };
  episode.support = pack(&support, answer_texts_ > 1 ? support_rows : std::vector<int64_t>());
  episode.query = pack(&query, {});
  episode.rows = at::tensor(at::ArrayRef<int64_t>(rows), at::kLong);
  return episode;
}

}  // namespace metaprompt
