#include "episodes/text_source.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "metaprompt/base/random.h"
#include "metaprompt/base/status_macros.h"
#include "metaprompt/prompts/verbalizer.h"

namespace metaprompt {
namespace {

constexpr int64_t kTextsOfWord = 20;  // a word must occur in at least this many texts
constexpr double kWithoutWord = 0.3;  // probability that the word is removed from a text of a word task

// Removes an id from the example's texts. The words of the template are unchanged.
void RemoveFromTexts(int64_t id, PromptedText* text) {
  int64_t removed = 0;  // ids removed before the current text
  int64_t read_at = text->read_at;
  for (TextPlace& place : text->texts) {
    const auto begin = text->ids.begin() + place.begin - removed;
    const auto end = text->ids.begin() + place.end - removed;
    const auto kept = std::remove(begin, end, id);
    const int64_t of_text = end - kept;
    read_at -= text->read_at >= place.end - 1 ? of_text : 0;  // a causal model may read at a text's last token
    place = TextPlace{place.begin - removed, place.end - removed - of_text};
    text->ids.erase(kept, end);
    removed += of_text;
  }
  text->read_at = read_at;
}

}  // namespace

absl::Status CheckDistinctAnswers(const std::vector<const TextClass*>& classes, const Tokenizer& tokenizer,
                                  const VerbalizerSpec& verbalizer, absl::string_view side) {
  if (verbalizer.allow_same_words()) {
    return absl::OkStatus();
  }
  std::vector<std::vector<int64_t>> ids;
  for (const TextClass* one : classes) {
    ASSIGN_OR_RETURN(std::vector<int64_t> of_class, AnswerIds(verbalizer, tokenizer, one->label, one->name));
    ids.push_back(std::move(of_class));
  }
  const auto same = FirstSameAnswers(verbalizer, ids);
  if (!same.has_value()) {
    return absl::OkStatus();
  }
  const TextClass& first = *classes[same->first];
  const TextClass& second = *classes[same->second];
  return absl::InvalidArgumentError(absl::StrCat(
      "the ", side, " classes '", first.label, "' and '", second.label,
      "' have the same answer words in this tokenizer (names '", first.name, "', '", second.name,
      "'), so that their logits are always equal; give one of them other words in model.verbalizer.answers, leave one "
      "out of dataset.split, or set model.verbalizer.allow_same_words"));
}

absl::StatusOr<TextSource> TextSource::Create(const std::vector<const TextClass*>& classes, const Tokenizer& tokenizer,
                                              const PromptTemplate& prompt, const VerbalizerSpec& verbalizer,
                                              bool word_tasks) {
  TextSource split;
  split.prompt_ = prompt;
  split.answer_texts_ = verbalizer.answer_texts();
  split.whole_vocabulary_ = NeedsWholeVocabulary(verbalizer);
  split.separator_ = SeparatorIds(verbalizer, tokenizer);
  const SpecialIds special = tokenizer.special();
  for (int64_t id = 0; id < tokenizer.vocab_size(); ++id) {
    if (id != special.cls && id != special.sep && id != special.mask) {
      split.pieces_.push_back(id);
    }
  }
  for (const TextClass* one : classes) {
    PromptedClass prompted;
    prompted.label = one->label;
    prompted.shared = one->shared;
    ASSIGN_OR_RETURN(prompted.answer_ids, AnswerIds(verbalizer, tokenizer, one->label, one->name));
    prompted.texts.reserve(one->texts.size());
    for (const std::string& text : one->texts) {
      prompted.texts.push_back(prompt.Fill(tokenizer, text));
    }
    split.classes_.push_back(std::move(prompted));
  }
  if (word_tasks) {
    split.ShareOutAmongWords(tokenizer.vocab_size());
  }
  return split;
}

std::vector<ClassSize> TextSource::sizes() const {
  std::vector<ClassSize> sizes;
  for (const PromptedClass& one : classes_) {
    sizes.push_back(ClassSize{one.label, static_cast<int64_t>(one.texts.size())});
  }
  return sizes;
}

void TextSource::ShareOutAmongWords(int64_t vocab_size) {
  std::vector<int64_t> texts_with(static_cast<size_t>(vocab_size), 0);
  const auto pieces_of = [](const PromptedText& text) {
    std::vector<int64_t> ids;
    for (const TextPlace& place : text.texts) {
      ids.insert(ids.end(), text.ids.begin() + place.begin, text.ids.begin() + place.end);
    }
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

int64_t TextSource::longest_text() const {
  size_t longest = 0;
  for (const PromptedClass& one : classes_) {
    for (const PromptedText& text : one.texts) {
      longest = std::max(longest, text.ids.size());
    }
  }
  return static_cast<int64_t>(longest);
}

int64_t TextSource::longest_answer() const {
  size_t longest = 0;
  for (const PromptedClass& one : classes_) {
    longest = std::max(longest, one.answer_ids.size());
  }
  return static_cast<int64_t>(longest + separator_.size());
}

std::vector<int64_t> TextSource::WordSizes() const {
  std::vector<int64_t> sizes;
  sizes.reserve(words_.size());
  for (const Word& word : words_) {
    sizes.push_back(static_cast<int64_t>(word.texts.size()));
  }
  return sizes;
}

std::vector<std::map<int64_t, int64_t>> TextSource::WordShared() const {
  std::vector<std::map<int64_t, int64_t>> all;
  bool any = false;
  for (const Word& word : words_) {
    std::map<int64_t, int64_t>& shared = all.emplace_back();
    for (size_t i = 0; i < word.texts.size(); ++i) {
      const std::map<int64_t, int64_t>& of_class = classes_[static_cast<size_t>(word.texts[i].of_class)].shared;
      if (const auto found = of_class.find(word.texts[i].text); found != of_class.end()) {
        shared[static_cast<int64_t>(i)] = found->second;
        any = true;
      }
    }
  }
  return any ? all : std::vector<std::map<int64_t, int64_t>>();
}

PromptedText TextSource::TextOf(const EpisodePlan& plan, const TextRef& ref, Random* random) const {
  if (!plan.word_task) {
    return classes_[static_cast<size_t>(ref.of_class)].texts[static_cast<size_t>(ref.text)];
  }
  const Word& word = words_[static_cast<size_t>(ref.of_class)];
  const TextRef& original = word.texts[static_cast<size_t>(ref.text)];
  PromptedText text = classes_[static_cast<size_t>(original.of_class)].texts[static_cast<size_t>(original.text)];
  if (random->Uniform() < kWithoutWord) {
    RemoveFromTexts(word.id, &text);
  }
  return text;
}

std::vector<std::vector<int64_t>> TextSource::AnswersOf(const EpisodePlan& plan) const {
  std::vector<std::vector<int64_t>> answers;
  Random random(plan.answer_seed);
  for (const int64_t of_class : plan.classes) {
    if (plan.borrowed_answers) {
      std::vector<int64_t> answer;
      do {  // until no other way has the same answer
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

TextTask TextSource::TaskOf(const EpisodePlan& plan) const {
  TextTask task(plan.classes.size());
  std::vector<std::vector<int64_t>> answers = AnswersOf(plan);
  for (size_t w = 0; w < task.size(); ++w) {
    task[w].answer_ids = std::move(answers[w]);
  }
  // All support texts are drawn before the first query text, so that the support set does not depend on the number of
  // queries.
  Random random(SubSeed(plan.answer_seed, "texts"));
  for (size_t i = 0; i < plan.support.size(); ++i) {
    task[i * task.size() / plan.support.size()].support.push_back(TextOf(plan, plan.support[i], &random));
  }
  for (size_t i = 0; i < plan.query.size(); ++i) {
    task[i * task.size() / plan.query.size()].query.push_back(TextOf(plan, plan.query[i], &random));
  }
  return task;
}

Episode TextSource::Build(absl::Span<const EpisodePlan> plans, at::ScalarType dtype) const {
  std::vector<TextTask> tasks;
  tasks.reserve(plans.size());
  for (const EpisodePlan& plan : plans) {
    tasks.push_back(TaskOf(plan));
  }
  TextTaskOptions options;
  options.prompt = &*prompt_;
  options.answer_texts = answer_texts_;
  options.whole_vocabulary = whole_vocabulary_;
  options.separator = separator_;
  options.dtype = dtype;
  // All tasks of the batch share one seed. Learners that need a seed per task do not take several tasks.
  const uint64_t seed = SubSeed(plans[0].answer_seed, "batch", static_cast<uint64_t>(plans[0].index));
  return WithSeed(BuildTextTasks(tasks, options), seed);
}

}  // namespace metaprompt
