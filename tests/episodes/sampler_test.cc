// Random numbers, and the episode plans that are drawn with them: properties over many draws, and the text of each
// error.
#include "episodes/sampler.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/string_view.h"
#include "metaprompt/base/random.h"
#include "tests/helpers/status_error.h"

namespace metaprompt {
namespace {

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
  // With this bound, draws modulo the bound would fall into the lower half twice as often as into the upper half.
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

// The text of the plan, and what its answer words are drawn from.
std::string WholeText(const EpisodePlan& plan) {
  return absl::StrCat(Text(plan), plan.borrowed_answers ? "; borrowed " : "; own ", plan.answer_seed);
}

// Classes of 12 texts, of which the first three are in all classes.
TEST(SamplerTest, ATextUnderTwoLabelsIsNotInSupportAndQuery) {
  std::vector<ClassSize> sizes = Sizes({12, 12, 12, 12});
  const EpisodeShape shape = {3, 3, 4};
  const EpisodeSampler plain = *EpisodeSampler::Create(sizes, shape, 5, "train");
  for (ClassSize& one : sizes) {
    one.shared = {{0, 10}, {1, 11}, {2, 12}};
  }
  const EpisodeSampler apart = *EpisodeSampler::Create(sizes, shape, 5, "train");
  const auto numbers = [](const std::vector<TextRef>& refs) {
    std::set<int64_t> found;
    for (const TextRef& ref : refs) {
      if (ref.text < 3) {
        found.insert(ref.text);
      }
    }
    return found;
  };
  const auto meet = [&](const EpisodePlan& plan) {
    const std::set<int64_t> query = numbers(plan.query);
    const std::set<int64_t> support = numbers(plan.support);
    return std::any_of(support.begin(), support.end(), [&](int64_t text) { return query.count(text) > 0; });
  };
  int changed = 0;
  for (int64_t i = 0; i < 500; ++i) {
    const EpisodePlan plan = apart.Plan(i);
    EXPECT_FALSE(meet(plan)) << Text(plan);
    EXPECT_EQ(WholeText(plan), WholeText(apart.Plan(i)));
    const EpisodePlan before = plain.Plan(i);
    if (!meet(before)) {
      EXPECT_EQ(WholeText(plan), WholeText(before)) << "what needs no change must have none";
      continue;
    }
    ++changed;
    EXPECT_EQ(plan.support, before.support);
    int replaced = 0;
    for (size_t q = 0; q < plan.query.size(); ++q) {
      EXPECT_EQ(plan.query[q].of_class, before.query[q].of_class);
      replaced += plan.query[q] == before.query[q] ? 0 : 1;
      EXPECT_EQ(std::count(plan.query.begin(), plan.query.end(), plan.query[q]), 1);
      EXPECT_EQ(std::count(plan.support.begin(), plan.support.end(), plan.query[q]), 0);
    }
    EXPECT_GE(replaced, 1);
    EXPECT_LE(replaced, static_cast<int>(numbers(before.query).size()) * 3);
  }
  EXPECT_GT(changed, 50);
  EXPECT_LT(changed, 500);
  // In a word task both copies belong to one word: texts 0 and 1 are the same.
  const EpisodeSampler words =
      *EpisodeSampler::Create(Sizes({12, 12, 12}), shape, 5, "train")
           ->WithWordTasks(1, {12, 12, 12}, std::vector<std::map<int64_t, int64_t>>(3, {{0, 7}, {1, 7}}));
  for (int64_t i = 0; i < 200; ++i) {
    const EpisodePlan plan = words.Plan(i);
    ASSERT_TRUE(plan.word_task);
    for (const TextRef& ref : plan.support) {
      const TextRef copy = {ref.of_class, 1 - ref.text};
      EXPECT_TRUE(ref.text > 1 || std::count(plan.query.begin(), plan.query.end(), copy) == 0) << Text(plan);
    }
  }
  EXPECT_EQ(Error(EpisodeSampler::Create(sizes, {3, 3, 7}, 5, "train")),
            "an episode needs shots + queries = 3 + 7 texts per class; these classes of the split 'train' have fewer "
            "that have no "
            "other label: 'class0' (9), 'class1' (9), 'class2' (9), 'class3' (9); remove the others, or set "
            "episodes.allow_shared_texts {}");
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
  std::map<std::pair<size_t, int64_t>, int> ways;     // how often a class is each way
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
  // Class 1 has exactly the six texts that an episode needs. So each text is in the support set of a third of the plans
  // with the class.
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
  // If this changes, no existing record can be repeated.
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
      ASSERT_EQ(Text(plan), Text(none.Plan(i)));  // the rest of the plan does not change
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
            "episodes.word_tasks is 0.25, but only 2 words of the training texts have at least shots + queries = 2 + "
            "4 texts; 3 are needed");
  EXPECT_EQ(Error(sampler.WithWordTasks(1, {})),
            "episodes.word_tasks is 1, but only 0 words of the training texts have at least shots + queries = 2 + "
            "4 texts; 3 are needed");
  EXPECT_EQ(Error(sampler.WithWordTasks(0.25, {6, 40, 6, 3})), "no error");
  EXPECT_EQ(Error(sampler.WithWordTasks(0, {})), "no error");
}

TEST(SamplerTest, ErrorsNameTheClasses) {
  EXPECT_EQ(Error(EpisodeSampler::Create(Sizes({9, 9}), {3, 1, 2}, 0, "valid")),
            "episodes.ways is 3, but there are fewer classes in the split 'valid': 2");
  EXPECT_EQ(Error(EpisodeSampler::Create(Sizes({9, 2, 3, 0}), {2, 1, 2}, 0, "test")),
            "an episode needs shots + queries = 1 + 2 texts per class; these classes of the split 'test' have fewer: "
            "'class1' (2), "
            "'class3' (0)");
}

}  // namespace
}  // namespace metaprompt
