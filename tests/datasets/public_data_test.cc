// Counts, splits and hashes of the public data sets. The environment variable METAPROMPT_SHARED names a folder with
// data/huffpost, data/reuters, data/20newsgroups, data/banking77 and data/hwu64; without it the test is skipped.
// bazel test --test_env=METAPROMPT_SHARED=FOLDER //tests/datasets:public_data_test
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "datasets/dataset.h"
#include "metaprompt/base/files.h"
#include "tests/helpers/dataset_files.h"

namespace metaprompt {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

class PublicDataTest : public testing::Test {
 protected:
  void SetUp() override {
    if (std::getenv("METAPROMPT_SHARED") == nullptr) {
      GTEST_SKIP() << "set METAPROMPT_SHARED to a folder with data/huffpost and others to run this test";
    }
  }

  // A spec in which # is the folder of the data.
  static std::string Spec(absl::string_view text) {
    return absl::StrReplaceAll(text, {{"#", absl::StrCat(std::getenv("METAPROMPT_SHARED"), "/data/")}});
  }

  static Dataset Loaded(absl::string_view text) {
    absl::StatusOr<Dataset> dataset = Load(Spec(text));
    EXPECT_TRUE(dataset.ok()) << dataset.status();
    return dataset.ok() ? *std::move(dataset) : Dataset();
  }
};

std::vector<size_t> ClassCounts(const Dataset& dataset) {
  return {dataset.Of(Split::kTrain).size(), dataset.Of(Split::kValid).size(), dataset.Of(Split::kTest).size()};
}

TEST_F(PublicDataTest, HuffPost) {
  const Dataset dataset = Loaded("huffpost { path: '#huffpost/huffpost.json' } drop_duplicates: false");
  EXPECT_EQ(dataset.NumTexts(), 36900);
  EXPECT_EQ(dataset.distribution, "HuffPost as prepared by Bao et al. 2020");
  EXPECT_THAT(ClassCounts(dataset), ElementsAre(20, 5, 16));
  for (const TextClass& text_class : dataset.classes) {
    EXPECT_EQ(text_class.texts.size(), 900U) << text_class.name;
  }
  EXPECT_EQ(ContentSha256(dataset), "a9b1f975ffb3726ad7444b48614579aa9268e5dfeb6d8eff984bff126da71ce7");
  // The split is the same as in the file next to the data.
  const Dataset numbered = Loaded(
      "jsonl { path: '#huffpost/huffpost.json' text_field: 'raw' } split { file: '#huffpost/labels.tsv' }"
      "drop_duplicates: false");
  ASSERT_EQ(numbered.classes.size(), 41U);
  for (const TextClass& one : numbered.classes) {
    for (const TextClass& other : dataset.classes) {
      if (one.name == other.label) {
        EXPECT_EQ(one.split, other.split) << one.name;
        EXPECT_EQ(one.texts[0], other.texts[0]) << one.name;
      }
    }
  }
  EXPECT_EQ(Loaded("huffpost { path: '#huffpost/huffpost.json' }").dropped_duplicates, 193);
  EXPECT_EQ(Loaded("huffpost { path: '#huffpost/huffpost.json' } split { published: 'metaprompting' }").unused_texts,
            900);
}

TEST_F(PublicDataTest, DamagedHuffPost) {
  const absl::StatusOr<std::string> file = ReadFile(Spec("#huffpost/huffpost.json"));
  ASSERT_TRUE(file.ok()) << file.status();
  std::string damaged = *file;
  int64_t lines = 0;
  for (size_t at = 0; at != std::string::npos && at + 1 < damaged.size(); at = damaged.find('\n', at + 1)) {
    if (++lines % 100 == 0) {
      damaged[at + 2] = '\xff';
    }
  }
  Write("huffpost.json", damaged);
  EXPECT_THAT(Exported("huffpost { path: '$huffpost.json' }"),
              HasSubstr("and 359 more; 369 damaged lines; dataset.skip_bad_lines: true leaves them out"));
  const Dataset dataset = Loaded("huffpost { path: '$huffpost.json' } skip_bad_lines: true drop_duplicates: false");
  EXPECT_EQ(dataset.NumTexts(), 36531);
  EXPECT_EQ(dataset.skipped_bad_lines, 369);
  Write("huffpost.json", file->substr(0, file->size() / 2));
  EXPECT_THAT(Exported("huffpost { path: '$huffpost.json' } skip_bad_lines: true"),
              HasSubstr("Is the file cut short, or another version? dataset.allow_other_counts: true accepts it"));
}

TEST_F(PublicDataTest, Reuters) {
  const Dataset dataset = Loaded("reuters { path: '#reuters/reuters.json' } drop_duplicates: false");
  EXPECT_EQ(dataset.NumTexts(), 620);
  EXPECT_THAT(ClassCounts(dataset), ElementsAre(15, 5, 11));
  for (const TextClass& text_class : dataset.classes) {
    EXPECT_EQ(text_class.texts.size(), 20U) << text_class.name;
  }
  EXPECT_EQ(ContentSha256(dataset), "2db87844d5fe9e6665f5be315b439c39ebf97cca18a0d8d79521d1c464830bdb");
  // The sides are the same as in the file next to the data.
  const absl::StatusOr<std::string> listed = ReadFile(Spec("#reuters/labels.tsv"));
  ASSERT_TRUE(listed.ok()) << listed.status();
  for (const TextClass& one : dataset.classes) {
    EXPECT_THAT(*listed, HasSubstr(absl::StrCat("\t", one.name, "\t", SplitName(one.split), "\n")));
  }
}

TEST_F(PublicDataTest, Newsgroups) {
  const Dataset dataset = Loaded("newsgroups { path: '#20newsgroups/20news-bydate.tar.xz' } drop_duplicates: false");
  EXPECT_EQ(dataset.NumTexts() + dataset.empty_texts, 18846);
  EXPECT_EQ(dataset.distribution, "20news-bydate");
  EXPECT_THAT(ClassCounts(dataset), ElementsAre(8, 5, 7));
  EXPECT_EQ(ContentSha256(dataset), "d79aeee5b420ade981830c69c23dac57364dbc9867b394efa755659d5da80570");
}

TEST_F(PublicDataTest, Intents) {
  const Dataset banking = Loaded("protaugment { path: '#banking77' } drop_duplicates: false");
  EXPECT_EQ(banking.NumTexts(), 13083);
  EXPECT_EQ(banking.distribution, "Banking77");
  EXPECT_EQ(ContentSha256(banking), "ba994da30d346948df55d650558a44d6440da64560acc51ef1db3af3379ab465");
  const Dataset hwu = Loaded("protaugment { path: '#hwu64' } drop_duplicates: false split { published: 'fold05' }");
  EXPECT_EQ(hwu.NumTexts(), 11036);
  EXPECT_EQ(hwu.distribution, "HWU64");
  EXPECT_EQ(ContentSha256(hwu), "4f16f59c48bffd11a2c7f6072466829c9d822eb35a977d7796a95ccef753875f");
  for (const auto& [fold, train, valid, test] :
       {std::make_tuple("fold01", 16, 23, 25), std::make_tuple("fold02", 30, 15, 19),
        std::make_tuple("fold03", 24, 18, 22), std::make_tuple("fold04", 20, 15, 29),
        std::make_tuple("fold05", 25, 11, 28)}) {
    const std::string split = absl::StrCat("split { published: '", fold, "' }");
    EXPECT_THAT(ClassCounts(Loaded(absl::StrCat("protaugment { path: '#hwu64' }", split))),
                ElementsAre(train, valid, test));
    EXPECT_THAT(ClassCounts(Loaded(absl::StrCat("protaugment { path: '#banking77' }", split))),
                ElementsAre(25, 25, 27));
  }
}

}  // namespace
}  // namespace metaprompt
