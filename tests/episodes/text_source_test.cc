// Episodes as tensors: compares each text of a plan with its tokens in the batch.
#include "episodes/text_source.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "datasets/dataset.h"
#include "episodes/sampler.h"
#include "metaprompt/base/example_texts.h"
#include "metaprompt/prompts/prompt_template.h"
#include "metaprompt/prompts/verbalizer.h"
#include "tests/helpers/trained_tokenizer.h"

namespace metaprompt {
namespace {

std::vector<int64_t> Values(const at::Tensor& tensor) {
  const at::Tensor whole = tensor.contiguous();
  return {whole.data_ptr<int64_t>(), whole.data_ptr<int64_t>() + whole.numel()};
}

// An episode's plan, and what it was drawn from.
struct Dealt {
  const EpisodePlan& plan;
  const std::vector<TextClass>& classes;
  const PromptTemplate& prompt;
};

// Expects that the batch has the tokens of the texts `refs`, `drawn` per way, followed by the answer words if a way has
// more texts (`per_way`). Adds the ids to `used`.
void ExpectTexts(const Batch& batch, const std::vector<int64_t>& rows, const Dealt& dealt,
                 const std::vector<TextRef>& refs, int64_t drawn, int64_t per_way, std::set<int64_t>* used) {
  const TextInputs& inputs = TextsOf(batch);
  const Packing& packing = inputs.packing();
  const Answers& answers = inputs.answers();
  const std::vector<int64_t> ids = Values(inputs.ids());
  const std::vector<int64_t> positions = Values(packing.positions);
  const std::vector<int64_t> padded = Values(packing.padded_from);
  const std::vector<int64_t> packed = Values(packing.packed_from);
  const std::vector<int64_t> read_to = Values(packing.read_to);
  ASSERT_EQ(padded.size(), inputs.size() * inputs.longest());
  size_t token = 0;
  int64_t longest = 0;
  for (int64_t b = 0; b < inputs.size(); ++b) {
    const int64_t way = b / per_way;
    const TextRef& ref = refs[static_cast<size_t>(way * drawn + std::min(b % per_way, drawn - 1))];
    const TextClass& its = dealt.classes[static_cast<size_t>(ref.of_class)];
    std::vector<int64_t> text = Trained().Encode(its.texts[static_cast<size_t>(ref.text)]);
    if (b % per_way >= drawn) {  // its answer words, as a text
      text = dealt.plan.borrowed_answers
                 ? std::vector<int64_t>{rows[static_cast<size_t>(answers.ids[way][0].item<int64_t>())]}
                 : *AnswerIds(VerbalizerSpec(), Trained(), "", its.name);
    }
    const PromptedText expected = dealt.prompt.Apply(text);
    if (!batch.repeats.defined()) {
      EXPECT_EQ(batch.labels[b].item<int64_t>(), b / per_way);
    }
    EXPECT_EQ(inputs.read_at()[b].item<int64_t>(), expected.read_at);
    EXPECT_EQ(packing.read_from[b].item<int64_t>(), static_cast<int64_t>(token) + expected.read_at);
    longest = std::max(longest, static_cast<int64_t>(expected.ids.size()));
    for (int64_t t = 0; t < inputs.longest(); ++t) {
      const bool inside = t < static_cast<int64_t>(expected.ids.size());
      EXPECT_EQ(packing.attention_bias[b][0][0][t].item<double>(), inside ? 0 : -INFINITY);
      EXPECT_EQ(padded[static_cast<size_t>(b * inputs.longest() + t)], inside ? static_cast<int64_t>(token) : -1);
      if (!inside) {
        continue;
      }
      const int64_t id = ids[token];
      EXPECT_EQ(id >= 0 ? rows[static_cast<size_t>(id)] : id, expected.ids[static_cast<size_t>(t)]);
      EXPECT_EQ(packing.is_soft[static_cast<int64_t>(token)].item<bool>(), id < 0);
      used->insert(expected.ids[static_cast<size_t>(t)]);
      EXPECT_EQ(positions[token], t);
      EXPECT_EQ(packed[token], b * inputs.longest() + t);
      EXPECT_EQ(read_to[token], t == expected.read_at ? b : -1);
      ++token;
    }
  }
  EXPECT_EQ(token, ids.size());
  EXPECT_EQ(inputs.longest(), longest);
}

// Adds the answer ids to `used`.
void ExpectAnswers(const Answers& answers, const std::vector<int64_t>& rows, const Dealt& dealt,
                   std::set<int64_t>* used) {
  for (int64_t w = 0; w < 3; ++w) {
    std::vector<int64_t> answer =
        *AnswerIds(VerbalizerSpec(), Trained(), "",
                   dealt.classes[static_cast<size_t>(dealt.plan.classes[static_cast<size_t>(w)])].name);
    if (dealt.plan.borrowed_answers) {  // one piece, any one
      answer = {rows[static_cast<size_t>(answers.ids[w][0].item<int64_t>())]};
    }
    std::map<int64_t, double> weights;
    for (int64_t k = 0; k < answers.ids.size(1); ++k) {
      weights[rows[static_cast<size_t>(answers.ids[w][k].item<int64_t>())]] += answers.weights[w][k].item<double>();
    }
    ASSERT_EQ(weights.size(), answer.size());
    for (const int64_t id : answer) {
      EXPECT_DOUBLE_EQ(weights[id], 1.0 / static_cast<double>(answer.size()));
      used->insert(id);
    }
  }
}

TEST(TextSourceTest, AnEpisodeIsItsPlanInTensors) {
  std::vector<TextClass> classes;
  for (const char* name : {"music", "game mail", "editor"}) {
    TextClass one;
    one.label = one.name = name;
    for (int i = 0; i < 6; ++i) {
      one.texts.push_back(absl::StrCat(name, " ", TrainingText(i).substr(0, 10 + 5 * static_cast<size_t>(i))));
    }
    classes.push_back(one);
  }
  std::vector<const TextClass*> pointers;
  for (const TextClass& one : classes) {
    pointers.push_back(&one);
  }
  PromptSpec prompt_spec;
  prompt_spec.set_template_("{text} <soft:2> {mask}");
  const PromptTemplate prompt = *PromptTemplate::Create(prompt_spec, Trained(), 12);
  VerbalizerSpec with_answers;
  with_answers.set_answer_texts(2);
  const TextSource splits[] = {*TextSource::Create(pointers, Trained(), prompt, VerbalizerSpec(), false),
                               *TextSource::Create(pointers, Trained(), prompt, with_answers, false)};
  EXPECT_TRUE(splits[0].WordSizes().empty());
  ASSERT_EQ(splits[0].sizes().size(), 3);
  EXPECT_EQ(splits[0].sizes()[1].label, "game mail");
  EXPECT_EQ(splits[0].sizes()[1].texts, 6);
  const EpisodeSampler sampler = *EpisodeSampler::Create(splits[0].sizes(), {3, 2, 3, 0.5}, 1, "train");
  for (int64_t index = 0; index < 40; ++index) {
    const EpisodePlan plan = sampler.Plan(index / 2);
    const int64_t answer_texts = index % 2 * 2;
    const Episode episode = splits[index % 2].Build({plan}, at::kDouble);
    const std::vector<int64_t> rows = Values(episode.rows);
    EXPECT_TRUE(std::is_sorted(rows.begin(), rows.end()));
    std::set<int64_t> used;
    const Dealt dealt = {plan, classes, prompt};
    for (const bool query : {false, true}) {
      const Batch& batch = query ? episode.query : episode.support;
      const std::vector<TextRef>& refs = query ? plan.query : plan.support;
      const int64_t drawn = query ? 3 : 2;
      const int64_t per_way = query ? 3 : 2 + (answer_texts > 0 ? 1 : 0);  // repeated texts are computed once
      const TextInputs& inputs = TextsOf(batch);
      ASSERT_EQ(batch.ways, 3);
      ASSERT_EQ(inputs.size(), 3 * per_way);
      ASSERT_EQ(batch.repeats.defined(), !query && answer_texts > 0);
      ASSERT_EQ(RowsOf(batch), query ? 9 : 3 * (2 + answer_texts));
      for (int64_t row = 0; batch.repeats.defined() && row < RowsOf(batch); ++row) {
        EXPECT_EQ(batch.repeats[row].item<int64_t>(), row / 4 * 3 + std::min<int64_t>(row % 4, 2));
        EXPECT_EQ(batch.labels[row].item<int64_t>(), row / 4);
      }
      ExpectTexts(batch, rows, dealt, refs, drawn, per_way, &used);
      ExpectAnswers(inputs.answers(), rows, dealt, &used);
    }
    used.erase(-1);
    used.erase(-2);
    EXPECT_EQ(std::vector<int64_t>(used.begin(), used.end()), rows);  // the rows that occur, and no others
  }
}

// Classes of texts with three to seven words, some words rarer than others. No text occurs twice.
std::vector<TextClass> SkewedClasses() {
  static const char* const words[] = {"library", "terminal", "editor", "music",  "game", "network",
                                      "fonts",   "science",  "python", "images", "mail", "desktop",
                                      "clock",   "kernel",   "video",  "debug"};
  std::vector<TextClass> classes;
  std::set<std::string> seen;
  Random random(8);
  for (const char* name : {"music", "game mail", "editor", "clock"}) {
    TextClass one;
    one.label = one.name = name;
    while (one.texts.size() < 60) {
      std::string text;
      for (uint64_t k = 3 + random.Below(5); k > 0; --k) {
        absl::StrAppend(&text, text.empty() ? "" : " ", words[std::min(random.Below(16), random.Below(16))]);
      }
      if (seen.insert(text).second) {
        one.texts.push_back(text);
      }
    }
    classes.push_back(one);
  }
  return classes;
}

TextSource SplitOf(const std::vector<TextClass>& classes, const PromptTemplate& prompt) {
  std::vector<const TextClass*> pointers;
  for (const TextClass& one : classes) {
    pointers.push_back(&one);
  }
  absl::StatusOr<TextSource> split = TextSource::Create(pointers, Trained(), prompt, VerbalizerSpec(), true);
  EXPECT_TRUE(split.ok()) << split.status();
  return *split;
}

// The texts of a batch in the form of prompts: vocabulary ids, -1 - s for soft vector s, and the position of the mask.
std::vector<std::pair<std::vector<int64_t>, int64_t>> Unpacked(const Batch& batch, const std::vector<int64_t>& rows) {
  std::vector<std::pair<std::vector<int64_t>, int64_t>> texts(static_cast<size_t>(TextsOf(batch).size()));
  const int64_t longest = TextsOf(batch).longest();
  const std::vector<int64_t> ids = Values(TextsOf(batch).ids());
  const std::vector<int64_t> places = Values(TextsOf(batch).packing().packed_from);
  const std::vector<int64_t> read_to = Values(TextsOf(batch).packing().read_to);
  for (size_t i = 0; i < ids.size(); ++i) {
    auto& [text, mask] = texts[static_cast<size_t>(places[i] / longest)];
    EXPECT_EQ(static_cast<int64_t>(text.size()), places[i] % longest);
    if (read_to[i] >= 0) {
      EXPECT_EQ(read_to[i], places[i] / longest);
      mask = static_cast<int64_t>(text.size());
    }
    text.push_back(ids[i] >= 0 ? rows[static_cast<size_t>(ids[i])] : ids[i]);
  }
  return texts;
}

struct WordsOfTexts {
  std::vector<std::vector<int64_t>> pieces;         // of each text, at most `room`
  std::map<int64_t, std::vector<size_t>> texts_of;  // by the rarest piece of a text that at least 20 texts have
};

WordsOfTexts WordsOf(const std::vector<TextClass>& classes, size_t room) {
  WordsOfTexts words;
  std::map<int64_t, int64_t> texts_with;
  for (const TextClass& one : classes) {
    for (const std::string& text : one.texts) {
      words.pieces.push_back(Trained().Encode(text));
      words.pieces.back().resize(std::min(room, words.pieces.back().size()));
      for (const int64_t id : std::set<int64_t>(words.pieces.back().begin(), words.pieces.back().end())) {
        ++texts_with[id];
      }
    }
  }
  for (size_t i = 0; i < words.pieces.size(); ++i) {
    std::set<std::pair<int64_t, int64_t>> common;  // (texts, piece)
    for (const int64_t id : words.pieces[i]) {
      if (texts_with[id] >= 20) {
        common.insert({texts_with[id], id});
      }
    }
    if (!common.empty()) {
      words.texts_of[common.begin()->second].push_back(i);
    }
  }
  return words;
}

TEST(TextSourceTest, WordTasksHaveTheWordInCommonAndLoseItAtTimes) {
  const std::vector<TextClass> classes = SkewedClasses();
  for (const char* text : {"{text} music : <soft> {mask} .", "<soft> {mask} music : {text} music"}) {
    for (const int64_t max_tokens : {20, 10}) {  // whole, and the longer ones cut
      PromptSpec spec;
      spec.set_template_(text);
      const PromptTemplate prompt = *PromptTemplate::Create(spec, Trained(), max_tokens);
      const TextSource split = SplitOf(classes, prompt);
      const WordsOfTexts of_texts = WordsOf(classes, static_cast<size_t>(max_tokens) - prompt.Apply({}).ids.size());
      const std::vector<std::vector<int64_t>>& texts = of_texts.pieces;
      std::vector<int64_t> words;
      std::vector<int64_t> sizes;
      for (const auto& [word, of_word] : of_texts.texts_of) {
        words.push_back(word);
        sizes.push_back(static_cast<int64_t>(of_word.size()));
      }
      ASSERT_EQ(split.WordSizes(), sizes);
      EXPECT_LT(*std::min_element(sizes.begin(), sizes.end()), 6);  // some have too few

      const EpisodeSampler sampler =
          *EpisodeSampler::Create(split.sizes(), {3, 2, 4}, 1, "train")->WithWordTasks(1, split.WordSizes());
      int without = 0;
      int all = 0;
      for (int64_t index = 0; index < 100; ++index) {
        const EpisodePlan plan = sampler.Plan(index);
        ASSERT_TRUE(plan.word_task);
        const Episode episode = split.Build({plan}, at::kDouble);
        const Episode again = split.Build({plan}, at::kDouble);
        const std::vector<int64_t> rows = Values(episode.rows);
        EXPECT_EQ(Values(again.rows), rows);
        std::set<size_t> originals;
        for (const bool query : {false, true}) {
          const Batch& batch = query ? episode.query : episode.support;
          EXPECT_TRUE(at::equal(TextsOf(query ? again.query : again.support).ids(), TextsOf(batch).ids()));
          const std::vector<TextRef>& refs = query ? plan.query : plan.support;
          const auto dealt = Unpacked(batch, rows);
          ASSERT_EQ(dealt.size(), refs.size());
          for (size_t i = 0; i < refs.size(); ++i) {
            EXPECT_EQ(batch.labels[static_cast<int64_t>(i)].item<int64_t>(), i / (query ? 4 : 2));
            const int64_t word = words[static_cast<size_t>(refs[i].of_class)];
            const size_t original = of_texts.texts_of.at(word)[static_cast<size_t>(refs[i].text)];
            EXPECT_TRUE(originals.insert(original).second) << "a text twice";
            std::vector<int64_t> pieces = texts[original];
            ASSERT_NE(std::count(pieces.begin(), pieces.end(), word), 0);
            const PromptedText with = prompt.Apply(pieces);
            pieces.erase(std::remove(pieces.begin(), pieces.end(), word), pieces.end());
            const PromptedText stripped = prompt.Apply(pieces);
            const bool lost = dealt[i].first == stripped.ids;
            ASSERT_TRUE(lost || dealt[i].first == with.ids) << Pieces(Trained(), dealt[i].first);
            EXPECT_EQ(dealt[i].second, (lost ? stripped : with).read_at);
            EXPECT_EQ(dealt[i].first[static_cast<size_t>(dealt[i].second)], Trained().special().mask);
            without += lost ? 1 : 0;
            ++all;
          }
        }
      }
      EXPECT_NEAR(without, 0.3 * all, 5 * std::sqrt(0.21 * all)) << "of " << all;
    }
  }
}

TEST(TextSourceTest, WordTasksOfPairsHaveAndLoseTheWordInBothTexts) {
  const WordsOfTexts of_texts = WordsOf(SkewedClasses(), 40);
  std::vector<TextClass> classes;
  std::vector<std::string> examples;
  for (TextClass one : SkewedClasses()) {
    std::vector<std::string> pairs(one.texts.begin(), one.texts.end());
    for (std::string& pair : pairs) {  // the second word and the rest
      pair[pair.find(' ', pair.find(' ') + 1)] = '\t';
      examples.push_back(pair);
    }
    one.texts = Texts(std::move(pairs));
    classes.push_back(std::move(one));
  }
  PromptSpec spec;
  spec.set_template_("{text_b} music {mask} : {text} music");
  const PromptTemplate prompt = *PromptTemplate::Create(spec, Trained(), 40, {"text", "text_b"});
  const TextSource split = SplitOf(classes, prompt);
  const EpisodeSampler sampler =
      *EpisodeSampler::Create(split.sizes(), {3, 2, 4}, 1, "train")->WithWordTasks(1, split.WordSizes());
  std::vector<int64_t> words;
  for (const auto& [word, of_word] : of_texts.texts_of) {
    words.push_back(word);
  }
  int without = 0;
  int all = 0;
  for (int64_t index = 0; index < 50; ++index) {
    const EpisodePlan plan = sampler.Plan(index);
    const Episode episode = split.Build({plan}, at::kDouble);
    const auto dealt = Unpacked(episode.query, Values(episode.rows));
    for (size_t i = 0; i < dealt.size(); ++i) {
      const int64_t word = words[static_cast<size_t>(plan.query[i].of_class)];
      const std::string& example = examples[of_texts.texts_of.at(word)[static_cast<size_t>(plan.query[i].text)]];
      std::vector<std::vector<int64_t>> texts;
      for (const absl::string_view text : SplitTexts(example)) {
        texts.insert(texts.begin(), Trained().Encode(text));
        texts[0].erase(std::remove(texts[0].begin(), texts[0].end(), word), texts[0].end());
      }
      const PromptedText with = prompt.Fill(Trained(), example);
      const PromptedText stripped = prompt.Assemble(texts);
      const bool lost = dealt[i].first == stripped.ids;
      ASSERT_TRUE(lost || dealt[i].first == with.ids) << Pieces(Trained(), dealt[i].first);
      EXPECT_EQ(dealt[i].second, (lost ? stripped : with).read_at);
      without += lost ? 1 : 0;
      ++all;
    }
  }
  EXPECT_NEAR(without, 0.3 * all, 5 * std::sqrt(0.21 * all)) << "of " << all;
}

TEST(TextSourceTest, BorrowedAnswersAreOrdinaryPieces) {
  const std::vector<TextClass> classes = SkewedClasses();
  PromptSpec spec;
  spec.set_template_("{text} : {mask}");
  const TextSource split = SplitOf(classes, *PromptTemplate::Create(spec, Trained(), 20));
  const EpisodeSampler own = *EpisodeSampler::Create(split.sizes(), {3, 1, 2}, 1, "train");
  const SpecialIds special = Trained().special();
  constexpr int kPlans = 600;
  for (const double share : {0.0, 0.5, 1.0}) {
    const EpisodeSampler sampler = *EpisodeSampler::Create(split.sizes(), {3, 1, 2, share}, 1, "train");
    std::map<int64_t, int> drawn;
    for (int64_t index = 0; index < kPlans; ++index) {
      const EpisodePlan plan = sampler.Plan(index);
      const Episode episode = split.Build({plan}, at::kFloat);
      const Episode with_own = split.Build({own.Plan(index)}, at::kFloat);
      const std::vector<int64_t> rows = Values(episode.rows);
      const Answers& answers = TextsOf(episode.support).answers();
      // Only the answers differ.
      EXPECT_EQ(Unpacked(episode.support, rows), Unpacked(with_own.support, Values(with_own.rows)));
      EXPECT_EQ(Unpacked(episode.query, rows), Unpacked(with_own.query, Values(with_own.rows)));
      EXPECT_TRUE(at::equal(answers.ids, TextsOf(episode.query).answers().ids));
      std::set<int64_t> different;
      for (int64_t w = 0; w < 3; ++w) {
        std::vector<int64_t> answer;
        for (int64_t k = 0; k < answers.ids.size(1); ++k) {
          if (answers.weights[w][k].item<double>() > 0) {
            answer.push_back(rows[static_cast<size_t>(answers.ids[w][k].item<int64_t>())]);
          }
        }
        if (!plan.borrowed_answers) {
          EXPECT_EQ(answer, *AnswerIds(VerbalizerSpec(), Trained(), "",
                                       classes[static_cast<size_t>(plan.classes[static_cast<size_t>(w)])].name));
          continue;
        }
        ASSERT_EQ(answer.size(), 1);
        EXPECT_EQ(answers.weights[w][0].item<double>(), 1);
        EXPECT_TRUE(different.insert(answer[0]).second);
        EXPECT_TRUE(answer[0] != special.cls && answer[0] != special.sep && answer[0] != special.mask);
        ++drawn[answer[0]];
      }
    }
    if (share == 1) {
      EXPECT_EQ(drawn.size(), Trained().vocab_size() - 3);  // any of them
      for (const auto& [id, count] : drawn) {
        EXPECT_LT(count, 40) << Trained().Piece(id);  // 12 on average
      }
    }
    EXPECT_EQ(drawn.empty(), share == 0);
  }
}

}  // namespace
}  // namespace metaprompt
