// CIFAR-10 and CIFAR-100, from small files in the publisher's format.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "datasets/dataset.h"
#include "tests/helpers/dataset_files.h"

namespace metaprompt {
namespace {

constexpr char kSplit[] = " split { lists { train: 'cat' valid: 'dog' test: 'red_fox' } } allow_other_counts: true";
constexpr char kNames[] = "cat\ndog\nred_fox\n\n";

// An image in which three bytes are set, one per channel; their positions depend on `number`.
std::string Image(int number) {
  std::string image(3072, '\0');
  for (size_t channel = 0; channel < 3; ++channel) {
    image[1024 * channel + static_cast<size_t>(number)] = static_cast<char>(200 + channel);
  }
  return image;
}

std::string Record(const std::string& labels, int number) { return labels + Image(number); }

TEST(CifarTest, Cifar10IsReadFromTheArchive) {
  const std::string first = absl::StrCat(Record(std::string("\0", 1), 0), Record("\1", 1), Record("\2", 2));
  Pack("cifar-10-binary.tar.gz", Packing::kTarGz,
       {{"cifar-10-batches-bin/data_batch_2.bin", Record("\2", 3)},
        {"cifar-10-batches-bin/readme.html", "not read"},
        {"cifar-10-batches-bin/data_batch_1_old.bin", "not read"},
        {"cifar-10-batches-bin/my_batches.meta.txt", "not read"},
        {"cifar-10-batches-bin/test_batch.bin", Record("\1", 4)},
        {"cifar-10-batches-bin/batches.meta.txt", kNames},
        {"cifar-10-batches-bin/data_batch_1.bin", first}});
  const std::string path = "cifar { path: '$cifar-10-binary.tar.gz' ";
  const absl::StatusOr<Dataset> all = Load(absl::StrCat(path, "}", kSplit));
  ASSERT_TRUE(all.ok()) << all.status();
  ASSERT_TRUE(all->images.has_value());
  EXPECT_EQ(all->images->channels, 3);
  EXPECT_EQ(all->images->height, 32);
  ASSERT_EQ(all->classes.size(), 3);
  EXPECT_EQ(all->classes[0].texts.size(), 1);
  EXPECT_EQ(all->classes[0].texts[0], Image(0));
  EXPECT_EQ(all->classes[1].texts.size(), 2);
  EXPECT_EQ(all->classes[2].name, "red fox");
  EXPECT_EQ(all->classes[2].texts[1], Image(3));
  EXPECT_THAT(StatsText(*all), testing::HasSubstr("32 x 32, colour"));
  const absl::StatusOr<Dataset> train = Load(absl::StrCat(path, "part { side: TRAIN } }", kSplit));
  ASSERT_TRUE(train.ok()) << train.status();
  EXPECT_EQ(train->NumTexts(), 4);
  EXPECT_THAT(Exported(absl::StrCat(path, "part { side: VALID } }", kSplit)),
              "dataset.cifar.part.side is VALID; CIFAR has TRAIN and TEST");
  EXPECT_THAT(Exported(absl::StrCat(path, "} split { lists { train: 'cat' valid: 'dog' test: 'red_fox' } }")),
              testing::HasSubstr("CIFAR-10"));
}

TEST(CifarTest, Cifar100IsReadFromAFolder) {
  Write("cifar-100/fine_label_names.txt", kNames);
  Write("cifar-100/coarse_label_names.txt", "pets\nwild\n");
  Write("cifar-100/train.bin", absl::StrCat(Record(std::string("\0\1", 2), 5), Record("\1\2", 6)));
  Write("cifar-100/test.bin", Record(std::string("\0\0", 2), 7));
  const absl::StatusOr<Dataset> all = Load(absl::StrCat("cifar { path: '$cifar-100' }", kSplit));
  ASSERT_TRUE(all.ok()) << all.status();
  EXPECT_EQ(all->classes[0].texts[0], Image(7));
  EXPECT_EQ(all->classes[1].texts[0], Image(5));
  EXPECT_EQ(all->classes[2].texts[0], Image(6));
}

TEST(CifarTest, DamagedFilesAreNamed) {
  Write("cut/batches.meta.txt", kNames);
  Write("cut/data_batch_1.bin", Record("\1", 1).substr(0, 3000));
  EXPECT_EQ(
      Exported(absl::StrCat("cifar { path: '$cut' }", kSplit)),
      "cut/data_batch_1.bin: 3000 bytes are not a whole number of records of 3073 bytes; the file is cut short or "
      "of another kind");
  Write("cut/data_batch_1.bin", "");
  EXPECT_EQ(Exported(absl::StrCat("cifar { path: '$cut' }", kSplit)), "cut/data_batch_1.bin: the file is empty");
  Write("label/batches.meta.txt", kNames);
  Write("label/data_batch_1.bin", absl::StrCat(Record("\1", 1), Record("\x09", 2)));
  EXPECT_EQ(Exported(absl::StrCat("cifar { path: '$label' }", kSplit)),
            "label/data_batch_1.bin: record 2 has the label 9, and batches.meta.txt has 3 names");
  Write("twice/batches.meta.txt", kNames);
  Write("twice/data_batch_1.bin", Record("\1", 1));
  Write("twice/copy/data_batch_1.bin", Record("\1", 2));
  EXPECT_EQ(Exported(absl::StrCat("cifar { path: '$twice' }", kSplit)), "twice: two files are called data_batch_1.bin");
  Write("large/batches.meta.txt", kNames);
  for (const char* file : {"large/data_batch_1.bin", "large/data_batch_2.bin"}) {
    std::filesystem::resize_file(Write(file, "\1"), 140000000);
  }
  EXPECT_EQ(Exported(absl::StrCat("cifar { path: '$large' }", kSplit)),
            "large: its files have more than 268435456 bytes");
  Write("names/data_batch_1.bin", Record("\1", 1));
  for (const auto& [names, error] : {std::make_pair("cat\n\ndog\n", "2: the line is blank"),
                                     std::make_pair("cat\ndog\ncat\n", "3: the name 'cat' is given a second time")}) {
    Write("names/batches.meta.txt", names);
    EXPECT_EQ(Exported(absl::StrCat("cifar { path: '$names' }", kSplit)),
              absl::StrCat("names/batches.meta.txt:", error, "; each line must have the name of another class"));
  }
  Write("other/images.bin", "");
  EXPECT_EQ(Exported(absl::StrCat("cifar { path: '$other' }", kSplit)),
            "other: neither batches.meta.txt (CIFAR-10) nor fine_label_names.txt (CIFAR-100) is there");
}

}  // namespace
}  // namespace metaprompt
