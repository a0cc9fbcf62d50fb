// Published splits of texts: the parts of 20 Newsgroups by date and of Clinc150, without a class split.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "datasets/dataset.h"
#include "datasets/dataset.pb.h"
#include "datasets/sources/load_dataset.h"
#include "google/protobuf/text_format.h"
#include "tests/helpers/dataset_files.h"

namespace metaprompt {
namespace {

using ::testing::StartsWith;

// The export of all classes of the source, or the error without the folder. `$` stands for the folder.
std::string All(const std::string& source) {
  DatasetSpec spec;
  const std::string text = absl::StrJoin(absl::StrSplit(source, '$'), Folder());
  EXPECT_TRUE(google::protobuf::TextFormat::ParseFromString(text, &spec)) << text;
  spec.set_allow_other_counts(true);
  const absl::StatusOr<Dataset> dataset = LoadAllClasses(spec);
  return dataset.ok() ? ExportText(*dataset)
                      : absl::StrJoin(absl::StrSplit(std::string(dataset.status().message()), Folder()), "");
}

TEST(TextSidesTest, Clinc) {
  Write("clinc.json", R"({"oos_train": [["x", "oos"]], "train": [["pay  it", "pay"], ["to spain", "travel"]],)"
                      R"( "val": [["pay all", "pay"]], "test": [["to rome", "travel"]]})");
  EXPECT_EQ(All("clinc { path: '$clinc.json' part { side: TRAIN } }"),
            "train\tpay\tpay\tpay it\ntrain\ttravel\ttravel\tto spain\n");
  EXPECT_EQ(All("clinc { path: '$clinc.json' part { side: VALID } }"), "train\tpay\tpay\tpay all\n");
  EXPECT_EQ(All("clinc { path: '$clinc.json' part { side: TEST } }"), "train\ttravel\ttravel\tto rome\n");
  EXPECT_EQ(All("clinc { path: '$clinc.json' }"),
            "train\tpay\tpay\tpay it\ntrain\tpay\tpay\tpay all\n"
            "train\ttravel\ttravel\tto spain\ntrain\ttravel\ttravel\tto rome\n");
  EXPECT_THAT(Exported("clinc { path: '$clinc.json' } allow_other_counts: true"),
              StartsWith("dataset.split must be set: "));
  Write("clinc.json", R"({"train": [["pay", "pay"], ["x"]], "val": [], "test": []})");
  EXPECT_EQ(All("clinc { path: '$clinc.json' part { side: TRAIN } }"),
            "clinc.json: entry 2 of 'train' is not [text, label]");
}

TEST(TextSidesTest, NewsgroupsByDate) {
  Write("by/20news-bydate-train/sci.space/1", "Subject: A\n\nb\n");
  Write("by/20news-bydate-test/sci.space/2", "Subject: C\n\nd\n");
  EXPECT_EQ(All("newsgroups { path: '$by' part { side: TRAIN } }"), "train\tsci.space\tspace\tA b\n");
  EXPECT_EQ(All("newsgroups { path: '$by' part { side: TEST } }"), "train\tsci.space\tspace\tC d\n");
  EXPECT_EQ(All("newsgroups { path: '$by' }"), "train\tsci.space\tspace\tA b\ntrain\tsci.space\tspace\tC d\n");
  EXPECT_EQ(All("newsgroups { path: '$by' part { side: VALID } }"),
            "dataset.newsgroups.part.side is VALID; 20news-bydate has TRAIN and TEST");
  Write("plain/20news-18828/sci.space/1", "Subject: A\n\nb\n");
  EXPECT_EQ(All("newsgroups { path: '$plain' part { side: TEST } }"),
            "plain: dataset.newsgroups.part is set, but no post is in a folder of 20news-bydate");
}

}  // namespace
}  // namespace metaprompt
