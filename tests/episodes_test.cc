// From seeds to tensors: random numbers, plans, tokenizer, prompts, batches, and the file of tensors. Worlds small
// enough to be written down, properties over many draws, and every error with its text.
#include <ATen/ATen.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "datasets/dataset.h"
#include "episodes/prompted_split.h"
#include "episodes/sampler.h"
#include "metaprompt/base/random.h"
#include "metaprompt/prompt.h"
#include "metaprompt/safetensors.h"
#include "metaprompt/tokenizer.h"

namespace metaprompt {
namespace {

using ::testing::ElementsAre;
using ::testing::StartsWith;

template <typename T>
std::string Error(const absl::StatusOr<T>& result) {
  return result.ok() ? "no error" : std::string(result.status().message());
}

std::vector<int64_t> Values(const at::Tensor& tensor) {
  const at::Tensor whole = tensor.contiguous();
  return {whole.data_ptr<int64_t>(), whole.data_ptr<int64_t>() + whole.numel()};
}

// ---------------------------------------------------------------- random numbers

TEST(RandomTest, BelowIsInRangeAndEven) {
  Random random(1);
  EXPECT_EQ(random.Below(1), 0);
  for (const uint64_t bound : {2, 3, 7}) {
    constexpr int kDraws = 70000;
    std::vector<int> counts(bound);
    for (int i = 0; i < kDraws; ++i) {
      const uint64_t draw = random.Below(bound);
      ASSERT_LT(draw, bound);
      ++counts[draw];
    }
    const double mean = static_cast<double>(kDraws) / static_cast<double>(bound);
    for (const int count : counts) {
      EXPECT_NEAR(count, mean, 5 * std::sqrt(mean));
    }
  }
  // Here a draw taken modulo the bound would fall into the lower half twice as often as into the upper one.
  const uint64_t bound = 3ULL << 62U;
  int low = 0;
  for (int i = 0; i < 9000; ++i) {
    low += random.Below(bound) < (1ULL << 62U) ? 1 : 0;
  }
  EXPECT_NEAR(low, 3000, 5 * std::sqrt(2000));
}

TEST(RandomTest, NormalHasTheMomentsOfANormal) {
  Random random(2);
  constexpr int kDraws = 200000;
  double sums[4] = {};
  for (int i = 0; i < kDraws; ++i) {
    const double x = random.Normal();
    ASSERT_TRUE(std::isfinite(x));
    for (int k = 0; k < 4; ++k) {
      sums[k] += std::pow(x, k + 1) / kDraws;
    }
    const double u = random.Uniform();
    ASSERT_GE(u, 0);
    ASSERT_LT(u, 1);
  }
  EXPECT_NEAR(sums[0], 0, 0.012);
  EXPECT_NEAR(sums[1], 1, 0.016);
  EXPECT_NEAR(sums[2], 0, 0.045);
  EXPECT_NEAR(sums[3], 3, 0.11);
}

TEST(RandomTest, SubSeedsDifferInSeedPurposeAndIndex) {
  std::set<uint64_t> seeds;
  for (uint64_t seed = 0; seed < 20; ++seed) {
    for (const char* purpose : {"", "a", "b", "ab", "ba", "a ", "train", "valid"}) {
      for (uint64_t index = 0; index < 50; ++index) {
        seeds.insert(SubSeed(seed, purpose, index));
      }
    }
  }
  EXPECT_EQ(seeds.size(), 20 * 8 * 50);
  // Goldens: these numbers are part of every record.
  EXPECT_EQ(SubSeed(0, "init"), 6787620648213385422U);
  Random random(SubSeed(7, "episodes/train", 3));
  EXPECT_EQ(random.Below(1000000), 978285);
  EXPECT_DOUBLE_EQ(random.Normal(), 0.11180235462087962);
}

// ---------------------------------------------------------------- plans

std::vector<ClassSize> Sizes(const std::vector<int64_t>& texts) {
  std::vector<ClassSize> sizes;
  for (const int64_t count : texts) {
    sizes.push_back({absl::StrCat("class", sizes.size()), count});
  }
  return sizes;
}

EpisodeSampler Sampler(const std::vector<int64_t>& texts, const EpisodeShape& shape, uint64_t seed,
                       absl::string_view purpose = "train") {
  absl::StatusOr<EpisodeSampler> sampler = EpisodeSampler::Create(Sizes(texts), shape, seed, purpose);
  EXPECT_TRUE(sampler.ok()) << sampler.status();
  return *sampler;
}

std::string Text(const EpisodePlan& plan) {
  const auto refs = [](const std::vector<TextRef>& all) {
    return absl::StrJoin(
        all, " ", [](std::string* out, const TextRef& ref) { absl::StrAppend(out, ref.of_class, ".", ref.text); });
  };
  return absl::StrCat(plan.word_task ? "words " : "classes ", absl::StrJoin(plan.classes, " "), "; support ",
                      refs(plan.support), "; query ", refs(plan.query));
}

// With what the answer words are drawn from.
std::string WholeText(const EpisodePlan& plan) {
  return absl::StrCat(Text(plan), plan.borrowed_answers ? "; borrowed " : "; own ", plan.answer_seed);
}

TEST(SamplerTest, AnEpisodeIsItsIndex) {
  const EpisodeShape shape = {3, 2, 4};
  const EpisodeSampler sampler = Sampler({9, 6, 20, 7, 100}, shape, 3);
  std::vector<std::string> forwards;
  for (int64_t i = 0; i < 50; ++i) {
    forwards.push_back(Text(sampler.Plan(i)));
    EXPECT_EQ(sampler.Plan(i).index, i);
  }
  const EpisodeSampler other = Sampler({9, 6, 20, 7, 100}, shape, 3);
  for (int64_t i = 49; i >= 0; --i) {
    EXPECT_EQ(Text(other.Plan(i)), forwards[static_cast<size_t>(i)]);
  }
  EXPECT_EQ(std::set<std::string>(forwards.begin(), forwards.end()).size(), 50);
}

TEST(SamplerTest, PlansAreNWayKShotWithoutOverlap) {
  const std::vector<int64_t> texts = {9, 6, 20, 7, 100};
  const EpisodeSampler sampler = Sampler(texts, {3, 2, 4}, 3);
  std::map<std::pair<size_t, int64_t>, int> ways;     // how often a class stands in a way
  std::map<std::pair<int64_t, int64_t>, int> chosen;  // how often a text is in the support set
  constexpr int kPlans = 2000;
  for (int64_t i = 0; i < kPlans; ++i) {
    const EpisodePlan plan = sampler.Plan(i);
    ASSERT_EQ(plan.classes.size(), 3);
    ASSERT_EQ(std::set<int64_t>(plan.classes.begin(), plan.classes.end()).size(), 3);
    ASSERT_FALSE(plan.borrowed_answers);
    ASSERT_FALSE(plan.word_task);
    ASSERT_EQ(plan.support.size(), 6);
    ASSERT_EQ(plan.query.size(), 12);
    std::set<std::pair<int64_t, int64_t>> seen;
    for (size_t k = 0; k < 18; ++k) {
      const TextRef& ref = k < 6 ? plan.support[k] : plan.query[k - 6];
      ASSERT_EQ(ref.of_class, plan.classes[k < 6 ? k / 2 : (k - 6) / 4]);
      ASSERT_GE(ref.text, 0);
      ASSERT_LT(ref.text, texts[static_cast<size_t>(ref.of_class)]);
      ASSERT_TRUE(seen.insert({ref.of_class, ref.text}).second) << "a text twice";
      if (k < 6) {
        ++chosen[{ref.of_class, ref.text}];
      }
    }
    for (size_t w = 0; w < 3; ++w) {
      ++ways[{w, plan.classes[w]}];
    }
  }
  ASSERT_EQ(ways.size(), 3 * 5);
  for (const auto& [way, count] : ways) {
    EXPECT_NEAR(count, kPlans / 5.0, 5 * std::sqrt(kPlans / 5.0)) << "way " << way.first << ", class " << way.second;
  }
  // Class 1 has just the six texts that an episode takes: each is support in a third of the plans that have the class.
  for (int64_t text = 0; text < 6; ++text) {
    const double mean = kPlans * 3 / 5.0 / 3;
    EXPECT_NEAR((chosen[{1, text}]), mean, 5 * std::sqrt(mean)) << text;
  }
}

TEST(SamplerTest, StreamsOfSeedsAndPurposesDiffer) {
  const std::vector<int64_t> texts = {30, 30, 30, 30};
  const EpisodeShape shape = {3, 2, 4};
  std::set<std::string> first;
  for (const uint64_t seed : {0, 1, 2}) {
    for (const char* purpose : {"train", "valid", "test"}) {
      first.insert(Text(Sampler(texts, shape, seed, purpose).Plan(0)));
    }
  }
  EXPECT_EQ(first.size(), 9);
}

TEST(SamplerTest, TheFirstPlanOfSeedSevenStaysWhatItWas) {
  // If this changes, no record made before can be repeated.
  EXPECT_EQ(WholeText(Sampler({5, 6, 7, 8, 9}, {3, 1, 2}, 7).Plan(0)),
            "classes 4 2 0; support 4.4 2.6 0.2; query 4.8 4.6 2.0 2.4 0.0 0.1; own 934636652712973819");
  EXPECT_EQ(WholeText(Sampler({5, 6, 7, 8, 9}, {3, 1, 2, 1.0}, 7).Plan(1)),
            "classes 0 2 1; support 0.0 2.4 1.0; query 0.3 0.1 2.5 2.2 1.1 1.2; borrowed 100699997536944492");
  EXPECT_EQ(WholeText(Sampler({5, 6, 7, 8, 9}, {3, 1, 2}, 7).WithWordTasks(1, {9, 2, 3, 30, 4})->Plan(0)),
            "words 4 0 3; support 4.1 0.5 3.5; query 4.3 4.2 0.8 0.4 3.4 3.18; own 934636652712973819");
}

TEST(SamplerTest, BorrowedAnswersAreAShareOfTheEpisodes) {
  const std::vector<int64_t> texts(12, 10);
  constexpr int kPlans = 2000;
  const EpisodeSampler none = Sampler(texts, {3, 1, 2, 0.0}, 5);
  for (const double share : {0.0, 0.5, 1.0}) {
    const EpisodeSampler sampler = Sampler(texts, {3, 1, 2, share}, 5);
    int borrowed = 0;
    std::set<uint64_t> seeds;
    for (int64_t i = 0; i < kPlans; ++i) {
      const EpisodePlan plan = sampler.Plan(i);
      borrowed += plan.borrowed_answers ? 1 : 0;
      seeds.insert(plan.answer_seed);
      ASSERT_EQ(Text(plan), Text(none.Plan(i)));  // the rest of the plan is as it would have been
    }
    EXPECT_EQ(seeds.size(), kPlans);
    if (share == 0.5) {
      EXPECT_NEAR(borrowed, share * kPlans, 5 * std::sqrt(kPlans / 4.0));
    } else {
      EXPECT_EQ(borrowed, share * kPlans);
    }
  }
}

TEST(SamplerTest, WordTasksAreAShareOfTheEpisodesAndLeaveTheOthersAlone) {
  const std::vector<int64_t> texts(7, 10);
  const std::vector<int64_t> word_texts = {5, 40, 6, 3, 20, 7, 0, 6};  // of which 0, 3 and 6 have too few
  const std::set<int64_t> fit = {1, 2, 4, 5, 7};
  constexpr int kPlans = 2000;
  for (const double borrowed : {0.0, 0.5}) {
    const EpisodeSampler plain = Sampler(texts, {3, 2, 4, borrowed}, 5);
    for (const double share : {0.0, 0.5, 1.0}) {
      const absl::StatusOr<EpisodeSampler> sampler = plain.WithWordTasks(share, word_texts);
      ASSERT_TRUE(sampler.ok()) << sampler.status();
      EXPECT_EQ(sampler->shape().queries, 4);
      const absl::StatusOr<EpisodeSampler> other = plain.WithWordTasks(share, word_texts);
      int words = 0;
      std::map<int64_t, int> dealt;
      std::set<std::string> different;
      for (int64_t i = 0; i < kPlans; ++i) {
        const EpisodePlan plan = sampler->Plan(i);
        ASSERT_EQ(plan.index, i);
        ASSERT_EQ(WholeText(plan), WholeText(sampler->Plan(i)));
        ASSERT_EQ(WholeText(other->Plan(kPlans - 1 - i)), WholeText(sampler->Plan(kPlans - 1 - i)));
        if (!plan.word_task) {
          ASSERT_EQ(WholeText(plan), WholeText(plain.Plan(i)));
          continue;
        }
        ++words;
        different.insert(Text(plan));
        ASSERT_EQ(plan.classes.size(), 3);
        ASSERT_EQ(plan.support.size(), 6);
        ASSERT_EQ(plan.query.size(), 12);
        ASSERT_EQ(std::set<int64_t>(plan.classes.begin(), plan.classes.end()).size(), 3);
        std::set<std::pair<int64_t, int64_t>> seen;
        for (size_t k = 0; k < 18; ++k) {
          const TextRef& ref = k < 6 ? plan.support[k] : plan.query[k - 6];
          ASSERT_EQ(ref.of_class, plan.classes[k < 6 ? k / 2 : (k - 6) / 4]);
          ASSERT_EQ(fit.count(ref.of_class), 1) << "a word of too few texts";
          ASSERT_GE(ref.text, 0);
          ASSERT_LT(ref.text, word_texts[static_cast<size_t>(ref.of_class)]);
          ASSERT_TRUE(seen.insert({ref.of_class, ref.text}).second) << "a text twice";
        }
        for (const int64_t word : plan.classes) {
          ++dealt[word];
        }
      }
      if (share == 0.5) {
        EXPECT_NEAR(words, share * kPlans, 5 * std::sqrt(kPlans / 4.0));
      } else {
        EXPECT_EQ(words, share * kPlans);
      }
      EXPECT_EQ(different.size(), words);
      EXPECT_EQ(dealt.size(), words == 0 ? 0 : fit.size());
      for (const auto& [word, count] : dealt) {
        EXPECT_NEAR(count, 3.0 * words / 5, 5 * std::sqrt(3.0 * words / 5)) << "word " << word;
      }
    }
  }
}

TEST(SamplerTest, TooFewWordsAreAnErrorIfAnyAreNeeded) {
  const EpisodeSampler sampler = Sampler({10, 10, 10, 10}, {3, 2, 4}, 5);
  EXPECT_EQ(Error(sampler.WithWordTasks(0.25, {5, 40, 6, 3})),
            "episodes.word_tasks is 0.25, but only 2 words of the training texts have shots + queries = 2 + 4 texts of "
            "their own; 3 are needed");
  EXPECT_EQ(Error(sampler.WithWordTasks(1, {})),
            "episodes.word_tasks is 1, but only 0 words of the training texts have shots + queries = 2 + 4 texts of "
            "their own; 3 are needed");
  EXPECT_EQ(Error(sampler.WithWordTasks(0.25, {6, 40, 6, 3})), "no error");
  EXPECT_EQ(Error(sampler.WithWordTasks(0, {})), "no error");
}

TEST(SamplerTest, ErrorsNameTheClasses) {
  EXPECT_EQ(Error(EpisodeSampler::Create(Sizes({9, 9}), {3, 1, 2}, 0, "valid")),
            "episodes.ways is 3, but there are only 2 valid classes");
  EXPECT_EQ(Error(EpisodeSampler::Create(Sizes({9, 2, 3, 0}), {2, 1, 2}, 0, "test")),
            "an episode needs shots + queries = 1 + 2 texts of a class; these test classes have fewer: 'class1' (2), "
            "'class3' (0)");
}

// ---------------------------------------------------------------- tokenizer and prompt

std::string TrainingText(int i) {
  static const char* const words[] = {"library", "terminal", "editor", "music",  "game", "network",
                                      "fonts",   "science",  "python", "images", "mail", "desktop",
                                      "clock",   "kernel",   "video",  "debug"};
  Random random(SubSeed(1, "text", static_cast<uint64_t>(i)));
  std::string text;
  for (int k = 0; k < 6; ++k) {
    absl::StrAppend(&text, k == 0 ? "" : " ", words[random.Below(16)]);
  }
  return absl::StrCat(text, " . : ", i % 10);
}

const std::string& TrainedBytes() {
  static const auto* const bytes = [] {
    std::vector<std::string> texts;
    for (int i = 0; i < 300; ++i) {
      texts.push_back(TrainingText(i));
    }
    absl::StatusOr<std::string> trained = TrainSentencePiece(texts, 150);
    EXPECT_TRUE(trained.ok()) << trained.status();
    absl::StatusOr<std::string> again = TrainSentencePiece(texts, 150);
    EXPECT_TRUE(again.ok() && *again == *trained) << "two trainings differ";
    return new std::string(*trained);
  }();
  return *bytes;
}

const Tokenizer& Trained() {
  static const auto* const tokenizer =
      new std::unique_ptr<Tokenizer>(*LoadSentencePiece(TrainedBytes(), "tokenizer.model"));
  return **tokenizer;
}

std::string Pieces(const Tokenizer& tokenizer, const std::vector<int64_t>& ids) {
  return absl::StrJoin(ids, " ", [&](std::string* out, int64_t id) {
    absl::StrAppend(out, id < 0 ? absl::StrCat("<", -1 - id, ">") : tokenizer.Piece(id));
  });
}

TEST(TokenizerTest, ATextIsItsPiecesAndNeverASpecialOne) {
  const Tokenizer& tokenizer = Trained();
  EXPECT_EQ(tokenizer.vocab_size(), 150);
  EXPECT_EQ(tokenizer.files().at(kSentencePieceFile), TrainedBytes());
  EXPECT_EQ(tokenizer.Piece(tokenizer.special().mask), "[MASK]");
  EXPECT_EQ(tokenizer.Piece(tokenizer.special().cls), "[CLS]");
  EXPECT_EQ(tokenizer.Piece(tokenizer.special().sep), "[SEP]");
  EXPECT_EQ(Pieces(tokenizer, tokenizer.Encode("Library  MUSIC")), "▁library ▁music");
  EXPECT_THAT(tokenizer.Encode(""), ElementsAre());
  const SpecialIds special = tokenizer.special();
  const std::string nul("a\0b", 3);
  for (const std::string& text :
       {std::string("[MASK]"), std::string("music [MASK] . [CLS][SEP]"), std::string("\xff\xfe music \x80"), nul,
        std::string("<unk><pad>"), std::string(5000, 'x'), std::string("日本語 🎵 ﬁ")}) {
    const std::vector<int64_t> ids = tokenizer.Encode(text);
    EXPECT_FALSE(ids.empty()) << text;
    for (const int64_t id : ids) {
      EXPECT_GE(id, 0);
      EXPECT_LT(id, tokenizer.vocab_size());
      EXPECT_TRUE(id != special.mask && id != special.cls && id != special.sep) << text;
    }
    EXPECT_EQ(tokenizer.Encode(text), ids);
  }
}

TEST(TokenizerTest, LoadingRejectsWhatIsNoTokenizer) {
  EXPECT_EQ(Error(LoadSentencePiece("", "empty.model")), "empty.model: not a sentencepiece model");
  EXPECT_EQ(Error(LoadSentencePiece("not a protobuf", "text.model")), "text.model: not a sentencepiece model");
  EXPECT_EQ(Error(LoadSentencePiece(TrainedBytes().substr(0, 500), "cut.model")),
            "cut.model: not a sentencepiece model");
  for (const char* piece : {"[MASK]", "[CLS]", "[SEP]"}) {
    std::string renamed = TrainedBytes();
    const size_t at = renamed.find(piece);
    ASSERT_NE(at, std::string::npos);
    renamed[at + 1] = 'X';
    const size_t again = renamed.find(piece, at + 1);  // the trainer's own settings name it too
    if (again != std::string::npos) {
      renamed[again + 1] = 'X';
    }
    EXPECT_EQ(Error(LoadSentencePiece(renamed, "old.model")),
              absl::StrCat("old.model: the sentencepiece model has no piece ", piece));
  }
  EXPECT_THAT(Error(TrainSentencePiece({"a b c", "b c d"}, 1000)),
              StartsWith("model.tokenizer.vocab_size is 1000; sentencepiece says: "));
}

std::string TemplateError(const std::string& text) { return std::string(CheckTemplate(text).message()); }

TEST(PromptTest, TemplateErrorsSayWhatIsWrong) {
  EXPECT_EQ(TemplateError("{text} is {mask}"), "");
  EXPECT_EQ(TemplateError("<soft:1000>{mask}{text}"), "");
  EXPECT_EQ(TemplateError("a < b {text} is {mask} <softly"),
            "model.prompt.template: '<softly' is none of {text}, {mask}, <soft> and <soft:N>");
  EXPECT_EQ(TemplateError("{text} is"), "model.prompt.template: {mask} must occur once; it occurs 0 times");
  EXPECT_EQ(TemplateError("{text} {mask} or {mask}"),
            "model.prompt.template: {mask} must occur once; it occurs 2 times");
  EXPECT_EQ(TemplateError(""), "model.prompt.template: {text} must occur once; it occurs 0 times");
  EXPECT_EQ(TemplateError("{mask} {txt}"),
            "model.prompt.template: '{txt}' is none of {text}, {mask}, <soft> and <soft:N>");
  for (const char* slot : {"<soft:0>", "<soft:-2>", "<soft:1001>"}) {
    EXPECT_EQ(TemplateError(absl::StrCat(slot, " {text} {mask}")),
              absl::StrCat("model.prompt.template: ", slot, " must have 1 to 1000 vectors"));
  }
  for (const char* slot : {"<soft:>", "<soft:x>", "<soft3>", "<soft:99999999999999999999>", "<soft"}) {
    EXPECT_EQ(TemplateError(absl::StrCat("{text} {mask} ", slot)),
              absl::StrCat("model.prompt.template: '", slot, "' is none of {text}, {mask}, <soft> and <soft:N>"));
  }
  PromptSpec spec;
  spec.set_template_("{text} music music music {mask}");
  EXPECT_EQ(Error(PromptTemplate::Create(spec, Trained(), 6)),
            "model.prompt.template: the prompt alone takes 6 of the 6 tokens that the encoder takes");
  EXPECT_TRUE(PromptTemplate::Create(spec, Trained(), 7).ok());
}

TEST(PromptTest, TemplatesInPieces) {
  const auto apply = [](const char* text, int64_t max_tokens) {
    PromptSpec spec;
    spec.set_template_(text);
    const PromptTemplate prompt = *PromptTemplate::Create(spec, Trained(), max_tokens);
    const PromptedText prompted = prompt.Apply(Trained().Encode("game editor mail"));
    return absl::StrCat(prompt.num_soft(), " ", prompted.mask, ": ", Pieces(Trained(), prompted.ids));
  };
  EXPECT_EQ(apply("{text} music <soft> {mask} .", 20), "1 6: [CLS] ▁game ▁editor ▁mail ▁music <0> [MASK] ▁. [SEP]");
  EXPECT_EQ(apply("<soft:3> {mask} music{text}<soft>", 20),
            "4 4: [CLS] <0> <1> <2> [MASK] ▁music ▁game ▁editor ▁mail <3> [SEP]");
  EXPECT_EQ(apply("{mask}{text}", 5), "0 1: [CLS] [MASK] ▁game ▁editor [SEP]");
  EXPECT_EQ(apply("{text}{mask}", 4), "0 2: [CLS] ▁game [MASK] [SEP]");
}

TEST(PromptTest, OnlyTheTextIsEverCut) {
  for (const char* text : {"{text} music <soft> {mask} .", "music <soft:2> {mask} : {text} . <soft>"}) {
    for (int64_t max_tokens = 10; max_tokens < 15; ++max_tokens) {
      PromptSpec spec;
      spec.set_template_(text);
      const PromptTemplate prompt = *PromptTemplate::Create(spec, Trained(), max_tokens);
      const std::vector<int64_t> alone = prompt.Apply({}).ids;
      for (int64_t length = 0; length < 12; ++length) {
        std::vector<int64_t> words(static_cast<size_t>(length));
        for (int64_t i = 0; i < length; ++i) {
          words[static_cast<size_t>(i)] = 20 + i;
        }
        const PromptedText prompted = prompt.Apply(words);
        const auto used = static_cast<int64_t>(alone.size());
        const int64_t kept = std::min(length, max_tokens - used);
        ASSERT_EQ(prompted.ids.size(), used + kept);
        EXPECT_EQ(prompted.ids[static_cast<size_t>(prompted.mask)], Trained().special().mask);
        EXPECT_EQ(
            std::vector<int64_t>(prompted.ids.begin() + prompted.text_begin, prompted.ids.begin() + prompted.text_end),
            std::vector<int64_t>(words.begin(), words.begin() + kept));
        // Without the kept words, which stand together and are the first ones, the prompt is left.
        std::vector<int64_t> rest = prompted.ids;
        if (kept > 0) {
          const auto begin = std::search(rest.begin(), rest.end(), words.begin(), words.begin() + kept);
          ASSERT_NE(begin, rest.end());
          rest.erase(begin, begin + kept);
        }
        EXPECT_EQ(rest, alone);
      }
    }
  }
}

TEST(PromptTest, AnswerIdsAreAllPiecesOrTheFirstOfEachWord) {
  VerbalizerSpec spec;
  const auto answer = [&](absl::string_view name) {
    const absl::StatusOr<std::vector<int64_t>> ids = AnswerIds(spec, Trained(), "label", name);
    return ids.ok() ? Pieces(Trained(), *ids) : std::string(ids.status().message());
  };
  const std::string first = Pieces(Trained(), {Trained().Encode("gamexyz")[0]});
  const std::string all = Pieces(Trained(), Trained().Encode("gamexyz"));
  ASSERT_NE(first, all);
  EXPECT_EQ(answer("Music  mail"), "▁music ▁mail");
  EXPECT_EQ(answer("music gamexyz"), absl::StrCat("▁music ", all));
  spec.set_pieces(VerbalizerSpec::FIRST);
  EXPECT_EQ(answer("Music  mail"), "▁music ▁mail");
  EXPECT_EQ(answer("music gamexyz"), absl::StrCat("▁music ", first));
  EXPECT_EQ(answer(" "), "class ' ': its name gives the verbalizer no word");
  // A spec's own answers, whatever the name; another label's are not asked.
  AnswerSpec& other = *spec.add_answers();
  other.set_label("other");
  other.add_words("mail");
  EXPECT_EQ(answer("music"), "▁music");
  AnswerSpec& own = *spec.add_answers();
  own.set_label("label");
  own.add_words("mail");
  own.add_words("gamexyz music");
  EXPECT_EQ(answer(" "), absl::StrCat("▁mail ", first, " ▁music"));
  spec.set_pieces(VerbalizerSpec::MEAN);
  EXPECT_EQ(answer("music"), absl::StrCat("▁mail ", all, " ▁music"));
  EXPECT_TRUE(CheckAnswers(spec, {"label", "other", "third"}).ok());
  EXPECT_EQ(CheckAnswers(spec, {"label", "third"}).message(),
            "model.verbalizer.answers: no class has the label 'other'");
  *spec.add_answers() = other;
  EXPECT_EQ(CheckAnswers(spec, {"label", "other", "third"}).message(),
            "model.verbalizer.answers: there are two for the label 'other'");
  own.add_words(" ");
  EXPECT_EQ(answer("music"), "model.verbalizer.answers: ' ' of the label 'label' gives the verbalizer no word");
}

// ---------------------------------------------------------------- episodes as tensors

TEST(PromptedSplitTest, AnEpisodeIsItsPlanInTensors) {
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
  const PromptedSplit splits[] = {*PromptedSplit::Create(pointers, Trained(), prompt, VerbalizerSpec(), false),
                                  *PromptedSplit::Create(pointers, Trained(), prompt, with_answers, false)};
  EXPECT_TRUE(splits[0].WordSizes().empty());
  ASSERT_EQ(splits[0].sizes().size(), 3);
  EXPECT_EQ(splits[0].sizes()[1].label, "game mail");
  EXPECT_EQ(splits[0].sizes()[1].texts, 6);
  const EpisodeSampler sampler = *EpisodeSampler::Create(splits[0].sizes(), {3, 2, 3, 0.5}, 1, "train");
  for (int64_t index = 0; index < 40; ++index) {
    const EpisodePlan plan = sampler.Plan(index / 2);
    const int64_t answer_texts = index % 2 * 2;
    const Episode episode = splits[index % 2].Build(plan, at::kDouble);
    const std::vector<int64_t> rows = Values(episode.rows);
    EXPECT_TRUE(std::is_sorted(rows.begin(), rows.end()));
    std::set<int64_t> used;
    for (const bool query : {false, true}) {
      const Batch& batch = query ? episode.query : episode.support;
      const std::vector<TextRef>& refs = query ? plan.query : plan.support;
      const int64_t dealt = query ? 3 : 2;
      const int64_t per_way = query ? 3 : 2 + (answer_texts > 0 ? 1 : 0);  // a text computed once, however it counts
      ASSERT_EQ(batch.size, 3 * per_way);
      ASSERT_EQ(batch.repeats.defined(), !query && answer_texts > 0);
      ASSERT_EQ(RowsOf(batch), query ? 9 : 3 * (2 + answer_texts));
      for (int64_t row = 0; batch.repeats.defined() && row < RowsOf(batch); ++row) {
        EXPECT_EQ(batch.repeats[row].item<int64_t>(), row / 4 * 3 + std::min<int64_t>(row % 4, 2));
        EXPECT_EQ(batch.labels[row].item<int64_t>(), row / 4);
      }
      const std::vector<int64_t> ids = Values(batch.token_ids);
      const std::vector<int64_t> positions = Values(batch.positions);
      const std::vector<int64_t> padded = Values(batch.padded_from);
      const std::vector<int64_t> packed = Values(batch.packed_from);
      const std::vector<int64_t> mask_to = Values(batch.mask_to);
      ASSERT_EQ(padded.size(), batch.size * batch.longest);
      size_t token = 0;
      int64_t longest = 0;
      for (int64_t b = 0; b < batch.size; ++b) {
        const int64_t way = b / per_way;
        const TextRef& ref = refs[static_cast<size_t>(way * dealt + std::min(b % per_way, dealt - 1))];
        const TextClass& its = classes[static_cast<size_t>(ref.of_class)];
        std::vector<int64_t> text = Trained().Encode(its.texts[static_cast<size_t>(ref.text)]);
        if (b % per_way >= dealt) {  // its answer words, as a text
          text = plan.borrowed_answers
                     ? std::vector<int64_t>{rows[static_cast<size_t>(batch.answers.ids[way][0].item<int64_t>())]}
                     : *AnswerIds(VerbalizerSpec(), Trained(), "", its.name);
        }
        const PromptedText expected = prompt.Apply(text);
        if (!batch.repeats.defined()) {
          EXPECT_EQ(batch.labels[b].item<int64_t>(), b / per_way);
        }
        EXPECT_EQ(batch.mask_from[b].item<int64_t>(), static_cast<int64_t>(token) + expected.mask);
        longest = std::max(longest, static_cast<int64_t>(expected.ids.size()));
        for (int64_t t = 0; t < batch.longest; ++t) {
          const bool inside = t < static_cast<int64_t>(expected.ids.size());
          EXPECT_EQ(batch.attention_bias[b][0][0][t].item<double>(), inside ? 0 : -INFINITY);
          EXPECT_EQ(padded[static_cast<size_t>(b * batch.longest + t)], inside ? static_cast<int64_t>(token) : -1);
          if (!inside) {
            continue;
          }
          const int64_t id = ids[token];
          const auto num_rows = static_cast<int64_t>(rows.size());
          EXPECT_EQ(id < num_rows ? rows[static_cast<size_t>(id)] : num_rows - id - 1,
                    expected.ids[static_cast<size_t>(t)]);
          used.insert(expected.ids[static_cast<size_t>(t)]);
          EXPECT_EQ(positions[token], t);
          EXPECT_EQ(packed[token], b * batch.longest + t);
          EXPECT_EQ(mask_to[token], t == expected.mask ? b : -1);
          ++token;
        }
      }
      EXPECT_EQ(token, ids.size());
      EXPECT_EQ(batch.longest, longest);
      for (int64_t w = 0; w < 3; ++w) {
        std::vector<int64_t> answer = *AnswerIds(
            VerbalizerSpec(), Trained(), "", classes[static_cast<size_t>(plan.classes[static_cast<size_t>(w)])].name);
        if (plan.borrowed_answers) {  // one piece, whichever it is
          answer = {rows[static_cast<size_t>(batch.answers.ids[w][0].item<int64_t>())]};
        }
        std::map<int64_t, double> weights;
        for (int64_t k = 0; k < batch.answers.ids.size(1); ++k) {
          weights[rows[static_cast<size_t>(batch.answers.ids[w][k].item<int64_t>())]] +=
              batch.answers.weights[w][k].item<double>();
        }
        ASSERT_EQ(weights.size(), answer.size());
        for (const int64_t id : answer) {
          EXPECT_DOUBLE_EQ(weights[id], 1.0 / static_cast<double>(answer.size()));
          used.insert(id);
        }
      }
    }
    used.erase(-1);
    used.erase(-2);
    EXPECT_EQ(std::vector<int64_t>(used.begin(), used.end()), rows);  // all that occurs, and nothing else
  }
}

// Texts of three to seven words, some of them rarer than others, no text twice; class by class.
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

PromptedSplit SplitOf(const std::vector<TextClass>& classes, const PromptTemplate& prompt) {
  std::vector<const TextClass*> pointers;
  for (const TextClass& one : classes) {
    pointers.push_back(&one);
  }
  absl::StatusOr<PromptedSplit> split = PromptedSplit::Create(pointers, Trained(), prompt, VerbalizerSpec(), true);
  EXPECT_TRUE(split.ok()) << split.status();
  return *split;
}

// A batch's texts as prompts give them: vocabulary ids, -1 - s for soft vector s, and the place of the mask.
std::vector<std::pair<std::vector<int64_t>, int64_t>> Unpacked(const Batch& batch, const std::vector<int64_t>& rows) {
  std::vector<std::pair<std::vector<int64_t>, int64_t>> texts(static_cast<size_t>(batch.size));
  const std::vector<int64_t> ids = Values(batch.token_ids);
  const std::vector<int64_t> places = Values(batch.packed_from);
  const std::vector<int64_t> mask_to = Values(batch.mask_to);
  const auto num_rows = static_cast<int64_t>(rows.size());
  for (size_t i = 0; i < ids.size(); ++i) {
    auto& [text, mask] = texts[static_cast<size_t>(places[i] / batch.longest)];
    EXPECT_EQ(static_cast<int64_t>(text.size()), places[i] % batch.longest);
    if (mask_to[i] >= 0) {
      EXPECT_EQ(mask_to[i], places[i] / batch.longest);
      mask = static_cast<int64_t>(text.size());
    }
    text.push_back(ids[i] < num_rows ? rows[static_cast<size_t>(ids[i])] : num_rows - ids[i] - 1);
  }
  return texts;
}

TEST(PromptedSplitTest, WordTasksHaveTheWordInCommonAndLoseItAtTimes) {
  const std::vector<TextClass> classes = SkewedClasses();
  for (const char* text : {"{text} music : <soft> {mask} .", "<soft> {mask} music : {text} music"}) {
    for (const int64_t max_tokens : {20, 10}) {  // whole, and the longer ones cut
      PromptSpec spec;
      spec.set_template_(text);
      const PromptTemplate prompt = *PromptTemplate::Create(spec, Trained(), max_tokens);
      const PromptedSplit split = SplitOf(classes, prompt);
      // Every text's pieces as far as they are kept; to whom it belongs: the rarest that 20 texts have.
      const size_t room = static_cast<size_t>(max_tokens) - prompt.Apply({}).ids.size();
      std::vector<std::vector<int64_t>> texts;
      std::map<int64_t, int64_t> texts_with;
      for (const TextClass& one : classes) {
        for (const std::string& words : one.texts) {
          texts.push_back(Trained().Encode(words));
          texts.back().resize(std::min(room, texts.back().size()));
          for (const int64_t id : std::set<int64_t>(texts.back().begin(), texts.back().end())) {
            ++texts_with[id];
          }
        }
      }
      std::map<int64_t, std::vector<size_t>> texts_of;
      for (size_t i = 0; i < texts.size(); ++i) {
        std::set<std::pair<int64_t, int64_t>> common;  // (texts, piece)
        for (const int64_t id : texts[i]) {
          if (texts_with[id] >= 20) {
            common.insert({texts_with[id], id});
          }
        }
        if (!common.empty()) {
          texts_of[common.begin()->second].push_back(i);
        }
      }
      std::vector<int64_t> words;
      std::vector<int64_t> sizes;
      for (const auto& [word, of_word] : texts_of) {
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
        const Episode episode = split.Build(plan, at::kDouble);
        const Episode again = split.Build(plan, at::kDouble);
        const std::vector<int64_t> rows = Values(episode.rows);
        EXPECT_EQ(Values(again.rows), rows);
        std::set<size_t> originals;
        for (const bool query : {false, true}) {
          const Batch& batch = query ? episode.query : episode.support;
          EXPECT_TRUE(at::equal((query ? again.query : again.support).token_ids, batch.token_ids));
          const std::vector<TextRef>& refs = query ? plan.query : plan.support;
          const auto dealt = Unpacked(batch, rows);
          ASSERT_EQ(dealt.size(), refs.size());
          for (size_t i = 0; i < refs.size(); ++i) {
            EXPECT_EQ(batch.labels[static_cast<int64_t>(i)].item<int64_t>(), i / (query ? 4 : 2));
            const int64_t word = words[static_cast<size_t>(refs[i].of_class)];
            const size_t original = texts_of[word][static_cast<size_t>(refs[i].text)];
            EXPECT_TRUE(originals.insert(original).second) << "a text twice";
            std::vector<int64_t> pieces = texts[original];
            ASSERT_NE(std::count(pieces.begin(), pieces.end(), word), 0);
            const PromptedText with = prompt.Apply(pieces);
            pieces.erase(std::remove(pieces.begin(), pieces.end(), word), pieces.end());
            const PromptedText stripped = prompt.Apply(pieces);
            const bool lost = dealt[i].first == stripped.ids;
            ASSERT_TRUE(lost || dealt[i].first == with.ids) << Pieces(Trained(), dealt[i].first);
            EXPECT_EQ(dealt[i].second, (lost ? stripped : with).mask);
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

TEST(PromptedSplitTest, BorrowedAnswersAreOrdinaryPieces) {
  const std::vector<TextClass> classes = SkewedClasses();
  PromptSpec spec;
  spec.set_template_("{text} : {mask}");
  const PromptedSplit split = SplitOf(classes, *PromptTemplate::Create(spec, Trained(), 20));
  const EpisodeSampler own = *EpisodeSampler::Create(split.sizes(), {3, 1, 2}, 1, "train");
  const SpecialIds special = Trained().special();
  constexpr int kPlans = 600;
  for (const double share : {0.0, 0.5, 1.0}) {
    const EpisodeSampler sampler = *EpisodeSampler::Create(split.sizes(), {3, 1, 2, share}, 1, "train");
    std::map<int64_t, int> drawn;
    for (int64_t index = 0; index < kPlans; ++index) {
      const EpisodePlan plan = sampler.Plan(index);
      ASSERT_EQ(Text(plan), Text(own.Plan(index)));
      const Episode episode = split.Build(plan, at::kFloat);
      const Episode with_own = split.Build(own.Plan(index), at::kFloat);
      const std::vector<int64_t> rows = Values(episode.rows);
      // Only the answers differ.
      EXPECT_EQ(Unpacked(episode.support, rows), Unpacked(with_own.support, Values(with_own.rows)));
      EXPECT_EQ(Unpacked(episode.query, rows), Unpacked(with_own.query, Values(with_own.rows)));
      EXPECT_TRUE(at::equal(episode.support.answers.ids, episode.query.answers.ids));
      std::set<int64_t> different;
      for (int64_t w = 0; w < 3; ++w) {
        std::vector<int64_t> answer;
        for (int64_t k = 0; k < episode.support.answers.ids.size(1); ++k) {
          if (episode.support.answers.weights[w][k].item<double>() > 0) {
            answer.push_back(rows[static_cast<size_t>(episode.support.answers.ids[w][k].item<int64_t>())]);
          }
        }
        if (!plan.borrowed_answers) {
          EXPECT_EQ(answer, *AnswerIds(VerbalizerSpec(), Trained(), "",
                                       classes[static_cast<size_t>(plan.classes[static_cast<size_t>(w)])].name));
          continue;
        }
        ASSERT_EQ(answer.size(), 1);
        EXPECT_EQ(episode.support.answers.weights[w][0].item<double>(), 1);
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

// ---------------------------------------------------------------- safetensors

std::string FileBytes(const std::string& header, const std::string& data) {
  std::string bytes;
  for (size_t i = 0; i < 8; ++i) {
    bytes.push_back(static_cast<char>(header.size() >> (8 * i) & 0xffU));
  }
  return bytes + header + data;
}

TEST(SafetensorsTest, WhatIsWrittenIsRead) {
  TensorFile file;
  file.tensors.emplace_back("b", at::arange(6, at::kFloat).view({2, 3}).t());  // not contiguous
  file.tensors.emplace_back("a", at::full({1}, 1.0 / 3.0, at::kDouble));
  file.tensors.emplace_back("empty", at::zeros({0, 4}, at::kFloat));
  file.tensors.emplace_back("scalar", at::full({}, INT64_MIN, at::kLong));
  file.metadata["progress"] = "line\n\"quoted\" ü";
  const std::string bytes = SafetensorsBytes(file);
  EXPECT_EQ(SafetensorsBytes(file), bytes);
  const absl::StatusOr<TensorFile> read = ParseSafetensors(bytes, "x");
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_EQ(read->metadata, file.metadata);
  ASSERT_EQ(read->tensors.size(), file.tensors.size());
  for (size_t i = 0; i < file.tensors.size(); ++i) {
    EXPECT_EQ(read->tensors[i].first, file.tensors[i].first);
    EXPECT_TRUE(at::equal(read->tensors[i].second, file.tensors[i].second)) << file.tensors[i].first;
    EXPECT_EQ(read->tensors[i].second.scalar_type(), file.tensors[i].second.scalar_type());
    EXPECT_EQ(read->tensors[i].second.sizes(), file.tensors[i].second.sizes());
  }
  EXPECT_EQ(SafetensorsBytes(*read), bytes);
  EXPECT_TRUE(read->Find("a").defined());
  EXPECT_FALSE(read->Find("c").defined());
  // Byte for byte what the format says: the header's length, the header to a multiple of 8, and little-endian numbers.
  TensorFile one;
  one.tensors.emplace_back("x", at::full({1}, 1.0, at::kFloat));
  EXPECT_EQ(SafetensorsBytes(one), FileBytes("{\"x\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]}}  ",
                                             std::string("\x00\x00\x80\x3f", 4)));
}

TEST(SafetensorsTest, BrokenFilesAreErrors) {
  const auto error = [](const std::string& bytes) { return Error(ParseSafetensors(bytes, "model.safetensors")); };
  const auto entry = [](absl::string_view dtype, absl::string_view shape, absl::string_view offsets) {
    return absl::StrCat("{\"dtype\":\"", dtype, "\",\"shape\":", shape, ",\"data_offsets\":", offsets, "}");
  };
  const auto one = [&](absl::string_view dtype, absl::string_view shape, absl::string_view offsets, size_t data) {
    return error(FileBytes(absl::StrCat("{\"x\":", entry(dtype, shape, offsets), "}"), std::string(data, 'd')));
  };
  const std::string whole = "model.safetensors: not a whole safetensors file: ";
  EXPECT_EQ(one("F32", "[2]", "[0,8]", 8), "no error");
  EXPECT_EQ(error(""), whole + "it has 0 bytes");
  EXPECT_EQ(error("1234567"), whole + "it has 7 bytes");
  EXPECT_EQ(error(FileBytes("{}  ", "").substr(0, 10)), whole + "a header of 4 bytes does not fit in its 10 bytes");
  EXPECT_EQ(error(std::string(16, '\xff')),
            whole + "a header of 18446744073709551615 bytes does not fit in its 16 bytes");
  EXPECT_EQ(error(FileBytes("{\"x\":", "")), whole + "its header is not a JSON object");
  EXPECT_EQ(error(FileBytes("[1]", "")), whole + "its header is not a JSON object");
  EXPECT_EQ(error(FileBytes("{\"\xff\":1}", "")), whole + "its header is not a JSON object");
  EXPECT_EQ(error(FileBytes("{\"x\":7}", "")),
            whole + "tensor 'x': needs dtype, shape and data_offsets, and nothing else");
  EXPECT_EQ(error(FileBytes("{\"__metadata__\":{\"a\":1}}", "")), whole + "__metadata__ 'a' is not text");
  EXPECT_EQ(error(FileBytes("{\"__metadata__\":[]}", "")), whole + "__metadata__ is not an object");
  EXPECT_EQ(one("F16", "[2]", "[0,4]", 4), "no error");
  EXPECT_EQ(one("F17", "[2]", "[0,4]", 4), whole + "tensor 'x': dtype 'F17' is none of the format's");
  EXPECT_EQ(one("I32", "[1]", "[0,4]", 4),
            "model.safetensors: tensor 'x': dtype I32 is none of F32, F64, F16, BF16, I64");
  EXPECT_EQ(one("F32", "[-1]", "[0,4]", 4), whole + "tensor 'x': shape holds something other than sizes");
  EXPECT_EQ(one("F32", "[1.5]", "[0,4]", 4), whole + "tensor 'x': shape holds something other than sizes");
  EXPECT_EQ(one("F32", "[1099511627776,1099511627776]", "[0,4]", 4), whole + "tensor 'x': shape is too large");
  EXPECT_EQ(one("F32", "[1]", "[0]", 4), whole + "tensor 'x': data_offsets must be two numbers");
  EXPECT_EQ(one("F32", "[1]", "[-4,0]", 4), whole + "tensor 'x': data_offsets must be two numbers");
  EXPECT_EQ(one("F32", "[2]", "[0,8]", 7),
            whole + "tensor 'x': data_offsets [0, 8) are not inside the 7 bytes of data; the file may be cut short");
  EXPECT_EQ(one("F32", "[2]", "[8,0]", 8),
            whole + "tensor 'x': data_offsets [8, 0) are not inside the 8 bytes of data; the file may be cut short");
  EXPECT_EQ(one("F32", "[3]", "[0,8]", 8), whole + "tensor 'x': its shape takes 12 bytes, its data_offsets 8");
  EXPECT_EQ(one("F32", "[1]", "[0,4]", 6), whole + "2 bytes belong to no tensor");
  EXPECT_EQ(one("F32", "[1]", "[4,8]", 8), whole + "its tensors overlap or leave gaps");
  const auto two = [&](absl::string_view a, absl::string_view b, size_t data) {
    return error(FileBytes(absl::StrCat("{\"x\":", entry("F32", "[1]", a), ",\"y\":", entry("F32", "[1]", b), "}"),
                           std::string(data, 'd')));
  };
  EXPECT_EQ(two("[4,8]", "[0,4]", 8), "no error");
  EXPECT_EQ(two("[0,4]", "[0,4]", 4), whole + "its tensors overlap or leave gaps");
  EXPECT_EQ(two("[0,4]", "[2,6]", 6), whole + "its tensors overlap or leave gaps");
  EXPECT_EQ(two("[0,4]", "[8,12]", 12), whole + "its tensors overlap or leave gaps");
  // An empty tensor of absurd shape takes no bytes: read or refused, but not a crash.
  EXPECT_THAT(one("F32", "[0,1099511627776,1099511627776]", "[0,0]", 0),
              ::testing::AnyOf("no error", StartsWith(whole)));
  // Cut anywhere, a good file is an error.
  TensorFile file;
  file.tensors.emplace_back("weight", at::ones({3, 2}));
  file.metadata["k"] = "v";
  const std::string good = SafetensorsBytes(file);
  for (size_t size = 0; size < good.size(); ++size) {
    EXPECT_THAT(error(good.substr(0, size)), StartsWith(whole));
  }
  EXPECT_EQ(error(good + "x"), whole + "1 bytes belong to no tensor");
}

}  // namespace
}  // namespace metaprompt
