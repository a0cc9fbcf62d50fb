// The baseline that counts words, on texts whose weights can be computed by hand.
#include "experiments/runs/count_words.h"

#include <gtest/gtest.h>

#include <atomic>
#include <string>
#include <vector>

#include "datasets/dataset.h"
#include "episodes/sampler.h"
#include "experiments/runs/words.h"

namespace metaprompt {
namespace {

TEST(WordsTest, AreRunsOfLettersAndDigitsInLowerCase) {
  EXPECT_EQ(WordsOf("  GNU's C++-Library, v2.1 ÉTÉ_x\t"),
            (std::vector<std::string>{"gnu", "s", "c", "library", "v2", "1", "été", "x"}));
  EXPECT_TRUE(WordsOf(" -- ").empty());
}

// "a" is in both training texts, so its weight is ln(3 / 3) + 1 = 1. "red" is in none, so its weight is ln 3 + 1.
TEST(WordCountsTest, RareWordsWeighMore) {
  Dataset dataset;
  dataset.classes.push_back({"seen", "seen", Split::kTrain, Texts({"a b", "A c"})});
  dataset.classes.push_back({"x", "x", Split::kTest, Texts({"a", "A red", "a"})});
  dataset.classes.push_back({"y", "y", Split::kTest, Texts({"red", "red a", "nothing known"})});
  const std::vector<const TextClass*> classes = dataset.Of(Split::kTest);
  const auto plan = [](int64_t i) {
    EpisodePlan episode;
    episode.classes = i == 0 ? std::vector<int64_t>{0, 1} : std::vector<int64_t>{1, 0};
    const int64_t first = episode.classes[0];
    const int64_t second = episode.classes[1];
    episode.support = {{first, 0}, {second, 0}};
    episode.query = {{first, 1}, {first, 2}, {second, 1}, {second, 2}};
    return episode;
  };
  // Both "a red" and "red a" have the cosine 1 / √(1 + 2.0986²) with "a", and 2.0986 times that with "red". A text that
  // shares no word with any centroid gets the first class.
  std::atomic<bool> stop(false);
  const absl::StatusOr<EpisodeLines> lines = WordCounts(dataset).Test(classes, plan, 2, stop);
  ASSERT_TRUE(lines.ok()) << lines.status();
  EXPECT_EQ(lines->text, "0.5\t1 0 1 0\n0.75\t0 0 0 1\n");
  EXPECT_EQ(lines->accuracies, (std::vector<double>{0.5, 0.75}));
  stop = true;
  EXPECT_TRUE(absl::IsCancelled(WordCounts(dataset).Test(classes, plan, 2, stop).status()));
}

}  // namespace
}  // namespace metaprompt
