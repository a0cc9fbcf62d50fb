// Small files of known content, and the text of each error.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "datasets/dataset.h"
#include "datasets/dataset.pb.h"
#include "datasets/readers/texts_by_label.h"
#include "datasets/sources/debian.h"
#include "datasets/splits/class_split.h"
#include "metaprompt/base/hash.h"
#include "metaprompt/base/process.h"
#include "tests/helpers/dataset_files.h"

namespace metaprompt {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::StartsWith;

constexpr char kOneBadLine[] = "\n1 damaged line; dataset.skip_bad_lines: true leaves it out";

// The error, without the hint that follows if only one line is damaged.
std::string Error(absl::string_view text) {
  const absl::StatusOr<Dataset> dataset = Load(text);
  const std::string error =
      dataset.ok() ? "no error" : absl::StrJoin(absl::StrSplit(std::string(dataset.status().message()), Folder()), "");
  return std::string(absl::StripSuffix(error, kOneBadLine));
}

std::string TsvError(absl::string_view contents) {
  Write("bad.tsv", contents);
  return Error("tsv { path: '$bad.tsv' } split { shares {} }");
}

std::string JsonlError(absl::string_view contents) {
  Write("bad.jsonl", contents);
  return Error("jsonl { path: '$bad.jsonl' } split { shares {} }");
}

constexpr char kThree[] = "tsv { path: '$three.tsv' } split { lists { train: 'a' valid: 'b' test: 'c-d' } } ";

Dataset Three(absl::string_view contents, absl::string_view more = "") {
  Write("three.tsv", contents);
  absl::StatusOr<Dataset> dataset = Load(absl::StrCat(kThree, more));
  EXPECT_TRUE(dataset.ok()) << dataset.status();
  return dataset.ok() ? *dataset : Dataset();
}

TEST(DatasetTest, TsvBecomesClassesInOrderOfLabels) {
  const Dataset dataset = Three(
      "\xef\xbb\xbf"
      "b\tsecond  class \r\n"
      "\r\n"
      "c-d\tgr\xc3\xbc\xc3\x9f dich\r\n"
      "a\tone\n"
      "x\tnobody asked\n"
      "a\ttwo words\n"
      "a\tone");  // no line end
  EXPECT_EQ(ExportText(dataset),
            "train\ta\ta\tone\n"
            "train\ta\ta\ttwo words\n"
            "valid\tb\tb\tsecond class\n"
            "test\tc-d\tc d\tgr\xc3\xbc\xc3\x9f dich\n");
  EXPECT_EQ(dataset.name, "three.tsv");
  EXPECT_EQ(dataset.NumTexts(), 4);
  EXPECT_EQ(dataset.dropped_duplicates, 1);
  EXPECT_EQ(dataset.unused_texts, 1);
  ASSERT_EQ(dataset.Of(Split::kTest).size(), 1U);
  EXPECT_EQ(dataset.Of(Split::kTest)[0]->label, "c-d");
  EXPECT_EQ(StatsText(dataset), absl::StrCat("three.tsv: 4 texts in 3 classes\n\n"
                                             "split  label  name     texts  mean words  median  max\n"
                                             "train  a      a            2         1.5     1.5    2\n"
                                             "train  all    1 class      2         1.5     1.5    2\n\n"
                                             "valid  b      b            1         2.0     2.0    2\n"
                                             "valid  all    1 class      1         2.0     2.0    2\n\n"
                                             "test   c-d    c d          1         2.0     2.0    2\n"
                                             "test   all    1 class      1         2.0     2.0    2\n\n"
                                             "duplicates dropped  1\n"
                                             "unused texts        1\n"
                                             "sha256              ",
                                             ContentSha256(dataset), "\n"));
}

TEST(DatasetTest, TextsUnderTwoLabelsAreCountedAndNamed) {
  const Dataset dataset = Three("a\tone\na\ttwo\nb\tone\nb\tthree\nc-d\tfour\nx\ttwo\nc-d\tone\n");
  ASSERT_EQ(dataset.shared_texts.size(), 1U);
  EXPECT_EQ(dataset.shared_texts[0], (std::vector<size_t>{0, 1, 2}));
  EXPECT_EQ(dataset.classes[0].shared, (std::map<int64_t, int64_t>{{0, 0}}));
  EXPECT_EQ(dataset.classes[2].shared, (std::map<int64_t, int64_t>{{1, 0}}));
  EXPECT_NE(StatsText(dataset).find("under two labels    1, 1 of them on several sides of the split:\n"
                                    "  a (train), b (valid), c-d (test): one\n"
                                    "sha256 "),
            std::string::npos)
      << StatsText(dataset);
  // A text that occurs twice in one class is not a shared text.
  EXPECT_TRUE(Three("a\tone\na\tone\nb\ttwo\nc-d\tfour\n", "drop_duplicates: false").shared_texts.empty());
}

TEST(DatasetTest, HashIsOfWhatAnExperimentSees) {
  const std::string hash = ContentSha256(Three("a\tone\na\ttwo\nb\tthree\nc-d\tfour\n"));
  EXPECT_EQ(hash, Sha256("train\ta\ta\tone\ntrain\ta\ta\ttwo\nvalid\tb\tb\tthree\ntest\tc-d\tc d\tfour\n"));
  // The hash does not depend on the order of classes in the file, on blanks, duplicates or unused labels.
  EXPECT_EQ(hash, ContentSha256(Three("c-d\t four\nb\tthree\r\na\tone\nx\ty\na\ttwo\na\tone\n")));
  EXPECT_NE(hash, ContentSha256(Three("a\tone\na\ttwo\nb\tthree\nc-d\tfour!\n")));
  EXPECT_NE(hash, ContentSha256(Three("a\ttwo\na\tone\nb\tthree\nc-d\tfour\n")));
  const Dataset with_duplicates = Three("a\tone\na\ttwo\na\tone\nb\tthree\nc-d\tfour\n", "drop_duplicates: false");
  EXPECT_EQ(with_duplicates.NumTexts(), 5);
  EXPECT_EQ(with_duplicates.dropped_duplicates, 0);
  EXPECT_NE(hash, ContentSha256(with_duplicates));
}

TEST(DatasetTest, TsvErrorsNameTheLine) {
  EXPECT_EQ(TsvError("a\tb\nno tab\n"), "bad.tsv:2: no tab between label and text");
  EXPECT_EQ(TsvError("\n \ttext\n"), "bad.tsv:2: empty label");
  EXPECT_EQ(TsvError("a\t \r\n"), "bad.tsv:1: empty text");
  EXPECT_EQ(TsvError("a\tb\tc\n"), "bad.tsv:1: more than one tab; a line is one label, one tab and one text");
  EXPECT_EQ(TsvError("a\tb\na\tgr\xfc\xdf\n"), "bad.tsv:2: not valid UTF-8 at byte 5");
  EXPECT_EQ(TsvError("\n\n"), "bad.tsv: no text in this file");
  EXPECT_EQ(TsvError("a\tb\nc\xc2\x9b\td\ne\tf\n"), "bad.tsv: the label 'c\\u{9b}' has a control character; remove it");
  EXPECT_EQ(Error("tsv { path: '$none.tsv' } split { shares {} }"), "none.tsv: No such file or directory");
}

TEST(DatasetTest, JsonlTakesTokensAndIntegers) {
  Write("three.jsonl",
        "{\"raw\": [\"two\", \"words\"], \"y\": 7, \"more\": null}\n\n"
        "{\"raw\": \"a\\ttab\\nand gr\\u00fc\\u00df\", \"y\": \"b\"}\r\n"
        "{\"y\": -1, \"raw\": \"z\"}");
  const absl::StatusOr<Dataset> dataset = Load(
      "jsonl { path: '$three.jsonl' text_field: 'raw' label_field: 'y' }"
      "split { lists { train: '7' valid: 'b' test: '-1' } }");
  ASSERT_TRUE(dataset.ok()) << dataset.status();
  EXPECT_EQ(ExportText(*dataset),
            "test\t-1\t1\tz\n"
            "train\t7\t7\ttwo words\n"
            "valid\tb\tb\ta tab and gr\xc3\xbc\xc3\x9f\n");
}

TEST(DatasetTest, JsonlErrorsNameTheLineAndTheField) {
  const std::string good = "{\"text\": \"t\", \"label\": 1}\n";
  EXPECT_EQ(JsonlError(good + "{\"text\": \"t\""), "bad.jsonl:2: not valid JSON");
  EXPECT_EQ(JsonlError("[1]"), "bad.jsonl:1: not a JSON object");
  EXPECT_EQ(JsonlError("{\"text\": \"t\", \"label\": 1, \"text\": \"u\"}"),
            "bad.jsonl:1: the key 'text' stands twice in one object");
  EXPECT_EQ(JsonlError("{\"raw\": \"t\", \"label\": 1}"), "bad.jsonl:1: no field 'text'; the object has: label, raw");
  EXPECT_EQ(JsonlError("{\"text\": \"t\"}"), "bad.jsonl:1: no field 'label'; the object has: text");
  EXPECT_EQ(JsonlError("{\"text\": 5, \"label\": 1}"),
            "bad.jsonl:1: field 'text' is '5'; it must be a string or an array of strings");
  EXPECT_EQ(JsonlError("{\"text\": [\"t\", 5], \"label\": 1}"),
            "bad.jsonl:1: field 'text' is an array; it must be a string or an array of strings");
  EXPECT_EQ(JsonlError("{\"text\": \"t\", \"label\": 1.5}"),
            "bad.jsonl:1: field 'label' is '1.5'; it must be a string or an integer");
  EXPECT_EQ(JsonlError("{\"text\": \"t\", \"label\": true}"),
            "bad.jsonl:1: field 'label' is 'true'; it must be a string or an integer");
  EXPECT_EQ(JsonlError("{\"text\": [], \"label\": 1}"), "bad.jsonl:1: field 'text' is empty");
  EXPECT_EQ(JsonlError("{\"text\": \"t\", \"label\": \" \"}"), "bad.jsonl:1: field 'label' is empty");
  EXPECT_EQ(JsonlError(good + "{\"text\": \"\xff\", \"label\": 1}"), "bad.jsonl:2: not valid UTF-8 at byte 11");
  EXPECT_EQ(JsonlError(""), "bad.jsonl: no text in this file");
}

TEST(DatasetTest, SpecErrors) {
  EXPECT_THAT(Error(""), StartsWith("dataset: one of these must be set: debian, tsv, jsonl, csv, huffpost, "));
  EXPECT_EQ(Error("tsv {} split { lists {} }"), "dataset: tsv.path must be set");
  EXPECT_EQ(Error("tsv { path: 'x' } split { shares { valid: 1 } }"),
            "dataset: split.shares.valid is 1; it must be > 0 and < 1");
  EXPECT_EQ(Error("tsv { path: 'x' } split {}"),
            "dataset: one of these must be set: split.lists, split.shares, split.file, split.published");
  EXPECT_EQ(Error("jsonl { path: 'x' }"),
            "dataset.split must be set: lists (the classes by label), shares (drawn with a seed) or file "
            "(label<TAB>name<TAB>split lines)");
}

std::string SplitError(absl::string_view split) {
  Write("four.tsv", "a\t1\nb\t2\nc\t3\nd\t4\n");
  return Error(absl::StrCat("tsv { path: '$four.tsv' } split { ", split, " }"));
}

std::string SplitFileError(absl::string_view contents) {
  Write("split.tsv", contents);
  return SplitError("file: '$split.tsv'");
}

TEST(ClassSplitTest, ErrorsNameTheLabelOrTheLine) {
  EXPECT_EQ(SplitError("lists { train: ['a', 'b'] valid: 'c' test: 'a' }"),
            "dataset.split.lists: 'a' is listed in train and in test");
  EXPECT_EQ(SplitError("lists { train: ['a', 'b', 'a'] valid: 'c' test: 'd' }"),
            "dataset.split.lists: 'a' is listed twice in train");
  EXPECT_EQ(SplitError("lists { train: 'a' valid: 'e' test: 'd' }"),
            "dataset.split.lists.valid: no text has the label 'e'; the data's labels are a, b, c, d");
  EXPECT_EQ(SplitError("lists { train: 'a' test: 'd' }"), "dataset.split.lists: valid has no class");
  EXPECT_EQ(SplitError("shares { train: 0.7 valid: 0.3 }"),
            "dataset.split.shares: train is 0.7 and valid 0.3; both must be > 0 and their sum < 1, because meta-test "
            "gets the rest");
  EXPECT_EQ(TsvError("a\t1\nb\t2\n"),
            "dataset.split.shares: the data has 2 labels; train, valid and test need one each");
  EXPECT_EQ(SplitFileError("a\tA\ttrain\nb\tvalid\n"),
            "split.tsv:2: 2 columns; expected three, with tabs between them: label, name, split");
  EXPECT_EQ(SplitFileError("a\tA\tdev\n"), "split.tsv:1: unknown split 'dev'; it is train, valid or test");
  EXPECT_EQ(SplitFileError("a\tA\ttrain\n\na\tA\ttest\n"), "split.tsv:3: 'a' is already in train");
  EXPECT_EQ(SplitFileError("e\tE\ttrain\n"),
            "split.tsv:1: no text has the label 'e'; the data's labels are a, b, c, d");
  EXPECT_EQ(SplitFileError("\tE\ttrain\n"), "split.tsv:1: empty label");
  EXPECT_EQ(SplitFileError("a\t\ttrain\n"), "split.tsv:1: empty name");
  EXPECT_EQ(SplitFileError("a\t\xff\ttrain\n"), "split.tsv:1: not valid UTF-8 at byte 3");
  EXPECT_EQ(SplitFileError("a\tA\ttrain\nb\tB\tvalid\n"), "split.tsv: test has no class");
  EXPECT_EQ(SplitError("file: '$none.tsv'"), "none.tsv: No such file or directory");
}

TEST(ClassSplitTest, FileGivesNames) {
  Write("four.tsv", "a\t1\nb\t2\nc\t3\nd\t4\n");
  Write("split.tsv",
        "\xef\xbb\xbf"
        "c\tC class\ttest\r\na\tA & co\ttrain\n\nb\tB\tvalid\n");
  const absl::StatusOr<Dataset> dataset = Load("tsv { path: '$four.tsv' } split { file: '$split.tsv' }");
  ASSERT_TRUE(dataset.ok()) << dataset.status();
  EXPECT_EQ(ExportText(*dataset), "train\ta\tA & co\t1\nvalid\tb\tB\t2\ntest\tc\tC class\t3\n");
  EXPECT_EQ(dataset->unused_texts, 1);
}

std::vector<int> SharesOf(int classes, double train, double valid, uint64_t seed, ClassPlaces* places) {
  std::vector<std::string> labels;
  labels.reserve(static_cast<size_t>(classes));
  for (int i = 0; i < classes; ++i) {
    labels.push_back(absl::StrCat("class_", 100 + i));
  }
  ClassSplit spec;
  spec.mutable_shares()->set_train(train);
  spec.mutable_shares()->set_valid(valid);
  spec.mutable_shares()->set_seed(seed);
  absl::StatusOr<ClassPlaces> drawn = SplitClasses(spec, labels);
  EXPECT_TRUE(drawn.ok()) << drawn.status();
  *places = *drawn;
  std::vector<int> counts(3);
  for (const auto& [label, place] : *places) {
    ++counts[static_cast<size_t>(place.split)];
  }
  return counts;
}

TEST(ClassSplitTest, SharesCoverAllClasses) {
  ClassPlaces places;
  EXPECT_THAT(SharesOf(10, 0.6, 0.2, 0, &places), ElementsAre(6, 2, 2));
  EXPECT_THAT(SharesOf(3, 0.6, 0.2, 0, &places), ElementsAre(1, 1, 1));
  EXPECT_THAT(SharesOf(4, 0.98, 0.01, 0, &places), ElementsAre(2, 1, 1));
  EXPECT_THAT(SharesOf(4, 0.01, 0.98, 0, &places), ElementsAre(1, 2, 1));
  EXPECT_THAT(SharesOf(100, 0.01, 0.01, 0, &places), ElementsAre(1, 1, 98));
  EXPECT_EQ(places["class_100"].name, "class 100");
  // Each seed gives a different draw; over many seeds each class is in each split.
  std::set<std::string> seen;
  for (uint64_t seed = 0; seed < 50; ++seed) {
    ClassPlaces again;
    SharesOf(5, 0.4, 0.2, seed, &places);
    SharesOf(5, 0.4, 0.2, seed, &again);
    for (const auto& [label, place] : places) {
      EXPECT_EQ(place.split, again[label].split);
      seen.insert(absl::StrCat(label, SplitName(place.split)));
    }
  }
  EXPECT_EQ(seen.size(), 15U);
}

// Stanzas for each rule of the importer.
const std::vector<std::string>& Stanzas() {
  static const auto& stanzas = *new std::vector<std::string>{
      // Of one source package in one section, the package with the first name in byte order counts.
      "Package: chess-data\nSource: chess (1.2-3)\nSection: games\nDescription: chess (data files)\n",
      "Package: chess\nDescription: play  chess\t\n A long description\n .\n follows.\nSection: contrib/games\n",
      // The same source in another section is another text.
      "Package: libchess\nSource: chess\nSection: perl\nDescription: chess in Perl\nDescription-md5: 00\n",
      // Two versions of one package: the description decides.
      "Package: go\nVersion: 1\nSection: golang\nDescription: the game in Go\n",
      "Package: go\nVersion: 2\nSection: golang\nDescription: the new game in Go\n",
      // A duplicate in its class, from another source package.
      "package: checkers\nsection: games\ndescription: play chess\n",
      "Package: airport\nSection: games\nDescription: land aeroplanes\n",
      // Unused section, no section, no description.
      "Package: old\nSection: oldlibs\nDescription: transitional package\n",
      "Package: none\nDescription: no section\n",
      "Package: mute\nSection: games\nDescription:\n a long one only\n",
  };
  return stanzas;
}

constexpr char kDebianExport[] =
    "test\tgames\tGames\tland aeroplanes\n"
    "test\tgames\tGames\tplay chess\n"
    "valid\tgolang\tGo\tthe game in Go\n"
    "train\tperl\tPerl\tchess in Perl\n";

TEST(DebianTest, OneTextForASourceInWhateverOrder) {
  std::vector<std::string> stanzas = Stanzas();
  for (size_t turn = 0; turn < stanzas.size(); ++turn) {
    std::rotate(stanzas.begin(), stanzas.begin() + 1, stanzas.end());
    std::vector<std::string> order = stanzas;
    if (turn % 2 == 1) {
      std::reverse(order.begin(), order.end());
    }
    Write("Packages", absl::StrCat("\n", absl::StrJoin(order, turn % 3 == 0 ? "\n\n" : "\n")));
    const absl::StatusOr<Dataset> dataset = Load("debian { path: '$Packages' }");
    ASSERT_TRUE(dataset.ok()) << dataset.status();
    EXPECT_EQ(ExportText(*dataset), kDebianExport);
    EXPECT_EQ(dataset->name, "debian");
    EXPECT_EQ(dataset->dropped_duplicates, 1);
    EXPECT_EQ(dataset->unused_texts, 1);
  }
}

TEST(DebianTest, ReadsCompressedFiles) {
  const std::string plain = Write("Packages", absl::StrJoin(Stanzas(), "\n"));
  for (const auto& [program, ending] :
       std::map<std::string, std::string>{{"gzip", ".gz"}, {"xz", ".xz"}, {"lz4", ".lz4"}}) {
    const absl::StatusOr<std::string> packed = CommandOutput({program, "-c", plain});
    if (!packed.ok()) {
      continue;  // not installed
    }
    SCOPED_TRACE(program);
    Write("Packages" + ending, *packed);
    const absl::StatusOr<Dataset> dataset = Load(absl::StrCat("debian { path: '$Packages", ending, "' }"));
    ASSERT_TRUE(dataset.ok()) << dataset.status();
    EXPECT_EQ(ExportText(*dataset), kDebianExport);
    Write("Packages" + ending, "not packed");
    EXPECT_THAT(Error(absl::StrCat("debian { path: '$Packages", ending, "' }")),
                StartsWith(absl::StrCat("Packages", ending, ": `", program, " -dc Packages", ending, "` failed: ")));
    const absl::StatusOr<Dataset> missing = Load(absl::StrCat("debian { path: '$none", ending, "' }"));
    EXPECT_EQ(missing.status().message(), absl::StrCat(Folder(), "none", ending, ": No such file or directory"));
    EXPECT_EQ(missing.status().code(), absl::StatusCode::kNotFound);
  }
}

TEST(DebianTest, ErrorsNameTheLine) {
  const auto error = [](absl::string_view index) {
    return std::string(
        absl::StripSuffix(ParseDebianIndex(index, "Packages", ImportOptions()).status().message(), kOneBadLine));
  };
  const std::string good = Stanzas()[1] + "\n";
  EXPECT_EQ(error(good + "Section: games\nDescription: x\n"), "Packages:8: a stanza without Package");
  EXPECT_EQ(error(good + "Section: games\n\n"), "Packages:8: a stanza without Package");
  EXPECT_EQ(error("Package: a\nwhat is this\n"),
            "Packages:2: neither `Field: value` nor a continuation line: 'what is this'");
  EXPECT_EQ(error("Package: a\n<a href: x>\n"),
            "Packages:2: neither `Field: value` nor a continuation line: '<a href: x>'");
  EXPECT_EQ(error(": a\n"), "Packages:1: neither `Field: value` nor a continuation line: ': a'");
  EXPECT_EQ(error(good + " a\n"), "Packages:8: a continuation line that continues no field");
  EXPECT_EQ(error("Package: a\nMaintainer: \xe4\n"), "Packages:2: not valid UTF-8 at byte 13");
  EXPECT_EQ(error("\n"), "Packages: no package in this index");
  EXPECT_EQ(Error("debian { path: '$none' }"), "none: No such file or directory");
  Write("Packages", Stanzas()[0]);
  EXPECT_EQ(Error("debian { path: '$Packages' }"), "the split debian, in this data: train has no class");
}

TEST(DebianTest, ASplitOfOnesOwnKeepsTheNames) {
  Write("Packages", absl::StrJoin(Stanzas(), "\n"));
  const absl::StatusOr<Dataset> dataset =
      Load("debian { path: '$Packages' } split { lists { train: 'games' valid: 'oldlibs' test: 'perl' } }");
  ASSERT_TRUE(dataset.ok()) << dataset.status();
  EXPECT_EQ(ExportText(*dataset),
            "train\tgames\tGames\tland aeroplanes\n"
            "train\tgames\tGames\tplay chess\n"
            "valid\toldlibs\toldlibs\ttransitional package\n"
            "test\tperl\tPerl\tchess in Perl\n");
  EXPECT_EQ(dataset->unused_texts, 1);
}

// With a folder as the only entry of $PATH, without and with an apt-cache in it.
TEST(DebianTest, ReadsThePackageIndexOfTheMachine) {
  const char* path = std::getenv("PATH");
  ASSERT_NE(path, nullptr);
  const std::string before = path;
  const std::string bin = Folder() + "datasets_test_bin";
  ASSERT_TRUE(mkdir(bin.c_str(), 0755) == 0 || unlink((bin + "/apt-cache").c_str()) == 0 || errno == ENOENT);
  setenv("PATH", bin.c_str(), 1);
  EXPECT_EQ(Error("debian {}"),
            "`apt-cache dumpavail`: apt-cache is not installed; run `apt-get update`, or give dataset.debian.path");
  const auto apt_cache = [](const std::string& script) {
    const std::string script_path = Write("datasets_test_bin/apt-cache", "#!/bin/sh\n" + script);
    EXPECT_EQ(chmod(script_path.c_str(), 0755), 0);
  };
  apt_cache("exit 0\n");
  EXPECT_EQ(Error("debian {}"),
            "`apt-cache dumpavail` prints nothing; run `apt-get update`, or give dataset.debian.path");
  apt_cache("echo 'E: broken lists' >&2; exit 100\n");
  EXPECT_EQ(Error("debian {}"),
            "`apt-cache dumpavail` failed: E: broken lists; run `apt-get update`, or give dataset.debian.path");
  apt_cache("echo \"$1\"\n");
  EXPECT_EQ(Error("debian {}"), "apt-cache dumpavail:1: neither `Field: value` nor a continuation line: 'dumpavail'");
  apt_cache(absl::StrCat("printf '%s' '", absl::StrJoin(Stanzas(), "\n"), "'\n"));
  const absl::StatusOr<Dataset> dataset = Load("debian {}");
  setenv("PATH", before.c_str(), 1);
  ASSERT_TRUE(dataset.ok()) << dataset.status();
  EXPECT_EQ(ExportText(*dataset), kDebianExport);
}

TEST(TextTest, CollapsesBlanks) {
  EXPECT_EQ(CollapseBlanks(" a \t\r\nb\v\f"), "a b");
  EXPECT_EQ(CollapseBlanks(absl::string_view("a\0b\x7f", 4)), "a b");
  EXPECT_EQ(CollapseBlanks(" \n"), "");
  EXPECT_EQ(DefaultName("graphic-arts/and_crafts"), "graphic arts and crafts");
  EXPECT_EQ(DefaultName("-"), "-");
}

}  // namespace
}  // namespace metaprompt
