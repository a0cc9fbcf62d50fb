// Each public format in a small file of known content; damaged lines, counts, published splits, and sealed texts.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "datasets/dataset.h"
#include "datasets/dataset.pb.h"
#include "datasets/sources/newsgroups.h"
#include "datasets/sources/source_info.h"
#include "datasets/sources/sources.h"
#include "datasets/splits/published_splits.h"
#include "google/protobuf/message.h"
#include "tests/helpers/dataset_files.h"

namespace metaprompt {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::StartsWith;

constexpr char kLists[] = " split { lists { train: 'a' valid: 'b' test: 'c' } }";

TEST(CsvTest, QuotesHeadersAndNumbers) {
  Write("q.csv",
        "\xef\xbb\xbfid,label,text\r\n"
        "1,a,plain\r\n"
        "\r\n"
        "2,\"b\",\"commas, \"\"quotes\"\"\nand a line end\"\r\n"
        "3,c,\"\"\"\"\n"
        "4,x,unused");
  const char* expected =
      "train\ta\ta\tplain\n"
      "valid\tb\tb\tcommas, \"quotes\" and a line end\n"
      "test\tc\tc\t\"\n";
  EXPECT_EQ(Exported(absl::StrCat("csv { path: '$q.csv' }", kLists)), expected);
  EXPECT_EQ(Exported(absl::StrCat("csv { path: '$q.csv' text_column: '3' label_column: '2' }", kLists)), expected);
  for (const char* delimiter : {";", "\t", "|"}) {
    // Semicolons and commas in names and texts do not matter, because the columns are found by their names.
    Write("d.csv", absl::StrReplaceAll("label~more, and more~text\na~1~\"one, two; three\"\nb~2~two\nc~3~three\n",
                                       {{"~", delimiter}}));
    EXPECT_EQ(Exported(absl::StrCat("csv { path: '$d.csv' }", kLists)),
              "train\ta\ta\tone, two; three\nvalid\tb\tb\ttwo\ntest\tc\tc\tthree\n")
        << delimiter;
  }
  EXPECT_EQ(Exported(absl::StrCat("csv { path: '$d.csv' delimiter: COMMA }", kLists)),
            "d.csv:1: no column 'label'; there are label|more,  and more|text");
  Write("n.csv", "one,a\ntwo,b\nthree,c\n");
  EXPECT_EQ(Exported(absl::StrCat("csv { path: '$n.csv' header: false text_column: '1' label_column: '2' }", kLists)),
            "train\ta\ta\tone\nvalid\tb\tb\ttwo\ntest\tc\tc\tthree\n");
  EXPECT_EQ(Exported(absl::StrCat("csv { path: '$n.csv' }", kLists)), "n.csv:1: no column 'label'; there are one, a");
  EXPECT_EQ(Exported(absl::StrCat("csv { path: '$n.csv' header: false text_column: '3' }", kLists)),
            "n.csv:1: no column 'label'; there are 2");
}

TEST(CsvTest, DamagedRecordsAreNamedByTheirFirstLine) {
  Write("bad.csv",
        "label,text\n"
        "a,one\n"
        "a,two,three\n"         // 3
        "a,\"x\" y\n"           // 4
        "a,x \"y\"\n"           // 5
        ",no label\n"           // 6
        "a,\n"                  // 7
        "a,\xff\n"              // 8
        "\"a\",\"never ends\n"  // 9
        "b,two\n"
        "c,three\n");
  EXPECT_EQ(Exported(absl::StrCat("csv { path: '$bad.csv' }", kLists)),
            "bad.csv:3: 3 fields instead of 2\n"
            "bad.csv:4: text after the quote that ends a field\n"
            "bad.csv:5: a quote inside a field that does not begin with one; put the field in quotes and double each "
            "quote in it\n"
            "bad.csv:6: empty label\n"
            "bad.csv:7: empty text\n"
            "bad.csv:8: not valid UTF-8 at byte 3\n"
            "bad.csv:9: a quote that is not closed\n"
            "7 damaged lines; dataset.skip_bad_lines: true leaves them out");
  EXPECT_EQ(Exported(absl::StrCat("csv { path: '$bad.csv' } skip_bad_lines: true", kLists)),
            "train\ta\ta\tone\nvalid\tb\tb\ttwo\ntest\tc\tc\tthree\n");
}

// Only the header tells which columns there are, so its damage is an error even if damaged lines are skipped.
TEST(CsvTest, ADamagedHeaderIsAnError) {
  Write("header.csv", "label,\xfftext\na,one\nb,two\nc,three\n");
  for (const char* skip : {"", " skip_bad_lines: true"}) {
    EXPECT_EQ(Exported(absl::StrCat("csv { path: '$header.csv' }", skip, kLists)),
              "header.csv:1: the header: not valid UTF-8 at byte 7");
  }
}

TEST(DamageTest, OnePerCentIsNamedOrSkippedAndCounted) {
  std::vector<std::string> lines;
  for (int i = 1; i <= 1500; ++i) {
    const char* label = i % 3 == 0 ? "a" : i % 3 == 1 ? "b" : "c";
    lines.push_back(i % 100 == 0 ? (i % 200 == 0 ? "{\"text\": \"cut o" : "{\"text\": \"\xe9t\xe9\", \"label\": \"a\"}")
                                 : absl::StrCat("{\"text\": \"text ", i, "\", \"label\": \"", label, "\"}"));
  }
  Write("damaged.jsonl", absl::StrJoin(lines, "\n"));
  const std::string spec = absl::StrCat("jsonl { path: '$damaged.jsonl' }", kLists);
  const std::string error = Exported(spec);
  EXPECT_THAT(error, StartsWith("damaged.jsonl:100: not valid UTF-8 at byte 11\n"
                                "damaged.jsonl:200: not valid JSON\n"));
  EXPECT_THAT(error, HasSubstr("damaged.jsonl:1000: not valid JSON\n"
                               "and 5 more; 15 damaged lines; dataset.skip_bad_lines: true leaves them out"));
  const absl::StatusOr<Dataset> dataset = Load(spec + " skip_bad_lines: true");
  ASSERT_TRUE(dataset.ok()) << dataset.status();
  EXPECT_EQ(dataset->NumTexts(), 1485);
  EXPECT_EQ(dataset->skipped_bad_lines, 15);
  EXPECT_THAT(StatsText(*dataset), HasSubstr("skipped bad lines   15\n"));
}

TEST(DamageTest, EveryLineBasedSourceSkips) {
  Write("d.tsv", "a\t1\nno tab\nb\t2\nc\t3\n");
  Write("Packages",
        "Package: x\nnonsense\nSection: a\nDescription: 1\n\nSection: b\n\nPackage: y\nSection: b\n"
        "Description: 2\n\nPackage: z\nSection: c\nDescription: 3\n");
  for (const auto& [source, damage] :
       {std::make_pair("tsv { path: '$d.tsv' }", 1), std::make_pair("debian { path: '$Packages' }", 2)}) {
    const absl::StatusOr<Dataset> dataset = Load(absl::StrCat(source, " skip_bad_lines: true", kLists));
    ASSERT_TRUE(dataset.ok()) << dataset.status();
    EXPECT_EQ(ExportText(*dataset), "train\ta\ta\t1\nvalid\tb\tb\t2\ntest\tc\tc\t3\n");
    EXPECT_EQ(dataset->skipped_bad_lines, damage);
  }
  Write("all.tsv", "no tab\n");
  EXPECT_EQ(Exported(absl::StrCat("tsv { path: '$all.tsv' } skip_bad_lines: true", kLists)),
            "all.tsv: no text in this file; all.tsv:1: no tab between label and text\n"
            "1 damaged line; dataset.skip_bad_lines: true leaves it out");
}

TEST(PackedTest, CompressedFilesAreReadAsTheyAre) {
  const std::string lines = "a\t1\nb\t2\nc\t3\n";
  const char* expected = "train\ta\ta\t1\nvalid\tb\tb\t2\ntest\tc\tc\t3\n";
  Pack("lines.gz", Packing::kGz, {{"lines", lines}});
  Pack("lines.xz", Packing::kXz, {{"lines", lines}});
  Pack("lines.zip", Packing::kZip, {{"lines.tsv", lines}});
  for (const char* name : {"lines.gz", "lines.xz", "lines.zip"}) {
    EXPECT_EQ(Exported(absl::StrCat("tsv { path: '$", name, "' }", kLists)), expected) << name;
  }
  Pack("two.zip", Packing::kZip, {{"lines.tsv", lines}, {"more.tsv", lines}});
  EXPECT_EQ(Exported(absl::StrCat("tsv { path: '$two.zip' }", kLists)),
            "two.zip: an archive of several files, the second 'more.tsv'; unpack it");
  std::string cut = *ReadFile(Folder() + "lines.gz");
  Write("cut.gz", cut.substr(0, cut.size() - 10));
  EXPECT_THAT(Exported(absl::StrCat("tsv { path: '$cut.gz' }", kLists)), StartsWith("cut.gz: "));
  Write("empty.tsv", "");
  EXPECT_EQ(Exported(absl::StrCat("tsv { path: '$empty.tsv' }", kLists)), "empty.tsv: no text in this file");
  EXPECT_EQ(Exported(absl::StrCat("tsv { path: '$' }", kLists)), ": Is a directory");
  // Lines longer than a block, and a line that ends exactly at the end of a block.
  const std::string filler(65536 - 3, 'x');
  Write("long.tsv", absl::StrCat("a\t", filler, "\nb\t", filler, filler, "\nc\t3"));
  EXPECT_EQ(Exported(absl::StrCat("tsv { path: '$long.tsv' }", kLists)),
            absl::StrCat("train\ta\ta\t", filler, "\nvalid\tb\tb\t", filler, filler, "\ntest\tc\tc\t3\n"));
}

TEST(HuffPostTest, BothFormsHaveTheSameLabels) {
  const char* split =
      " allow_other_counts: true split { lists { train: 'ARTS & CULTURE' valid: 'CRIME' test: 'TECH' } }";
  Write("kaggle.json",
        R"({"category": "CRIME", "headline": "A  Crime", "authors": "", "short_description": "What happened"}
{"category": "TECH", "headline": "A Phone", "short_description": ""}
{"category": "TECH", "headline": "", "short_description": "No headline"}
{"category": "ARTS & CULTURE", "headline": "A Play", "short_description": "Good"}
)");
  EXPECT_EQ(Exported(absl::StrCat("huffpost { path: '$kaggle.json' }", split)),
            "train\tARTS & CULTURE\tarts & culture\tA Play\n"
            "valid\tCRIME\tcrime\tA Crime\n"
            "test\tTECH\ttech\tA Phone\n");
  EXPECT_EQ(Load(absl::StrCat("huffpost { path: '$kaggle.json' }", split))->empty_texts, 1);
  EXPECT_EQ(Exported(absl::StrCat("huffpost { path: '$kaggle.json' text: HEADLINE_AND_DESCRIPTION }", split)),
            "train\tARTS & CULTURE\tarts & culture\tA Play Good\n"
            "valid\tCRIME\tcrime\tA Crime What happened\n"
            "test\tTECH\ttech\tA Phone\n"
            "test\tTECH\ttech\tNo headline\n");
  Write("prepared.json",
        "{\"raw\": \"a crime\", \"label\": 20}\n{\"text\": [\"a\", \"phone\"], \"label\": 30}\n"
        "{\"raw\": \"a play\", \"label\": 35}\n");
  EXPECT_EQ(Exported(absl::StrCat("huffpost { path: '$prepared.json' }", split)),
            "train\tARTS & CULTURE\tarts & culture\ta play\n"
            "valid\tCRIME\tcrime\ta crime\n"
            "test\tTECH\ttech\ta phone\n");
  // The default split, of which a small file lacks most classes.
  EXPECT_EQ(Exported("huffpost { path: '$prepared.json' } allow_other_counts: true"),
            "the split bao2020, in this data: train has no class");
  EXPECT_EQ(
      Exported("huffpost { path: '$prepared.json' }"),
      "prepared.json: 3 texts in 3 classes; the public files have 200853 in 41 classes (News Category Dataset v2), "
      "209527 in 42 classes (News Category Dataset v3), 36900 in 41 classes (HuffPost as prepared by Bao et al. "
      "2020). Is the file cut short, or another version? dataset.allow_other_counts: true accepts it");
  Write("bad.json", "{\"raw\": \"x\", \"label\": 41}\n{\"category\": \"TECH\"}\n{}\n");
  EXPECT_EQ(Exported(absl::StrCat("huffpost { path: '$bad.json' }", split)),
            "bad.json:1: label '41' is not the number or the name of one of the 41 classes\n"
            "bad.json:2: no field 'headline'; the object has: category\n"
            "bad.json:3: no field 'category'; the object has: none\n"
            "3 damaged lines; dataset.skip_bad_lines: true leaves them out");
}

constexpr char kSgml[] =
    "<!DOCTYPE lewis SYSTEM \"lewis.dtd\">\n"
    "<REUTERS TOPICS=\"YES\" NEWID=\"1\">\n<DATE>1-JAN-1987</DATE>\n<TOPICS><D>cocoa</D></TOPICS>\n<PLACES><D>usa</D>"
    "</PLACES>\n<TEXT>&#2;\n<TITLE>COCOA &lt;X> UP</TITLE>\n<BODY>Prices of caf\xe9s\nrose &amp; fell.\n Reuter\n&#3;"
    "</BODY></TEXT>\n</REUTERS>\n"
    "<REUTERS NEWID=\"2\">\n<TOPICS><D>jobs</D><D>trade</D></TOPICS>\n<TEXT><TITLE>TWO</TITLE></TEXT>\n</REUTERS>\n"
    "<REUTERS NEWID=\"3\">\n<TOPICS></TOPICS>\n<TEXT><TITLE>NONE</TITLE></TEXT>\n</REUTERS>\n"
    "<REUTERS NEWID=\"4\">\n<TOPICS><D>jobs</D></TOPICS>\n<TEXT "
    "TYPE=\"BRIEF\"><TITLE>JOBS</TITLE></TEXT>\n</REUTERS>\n";

TEST(ReutersTest, FolderArchiveAndPreparedFile) {
  const char* rest =
      " allow_other_counts: true split { lists { train: 'cocoa' valid: 'jobs' test: 'trade' } } skip_bad_lines: true";
  const std::string second =
      "<REUTERS>\nno end\n<REUTERS><TOPICS><D>trade</D></TOPICS><TITLE>A</TITLE></REUTERS>\n"
      "<REUTERS NEWID=\"9\"><TOPICS><D>trade</D></TOPICS>\n<TITLE>DEAL</TITLE></REUTERS>\n";
  const std::string third = "<REUTERS NEWID=\"10\">\n<TOPICS>";
  const char* expected =
      "train\tcocoa\tcocoa\tCOCOA <X> UP Prices of caf\xc3\xa9s rose & fell.\n"
      "valid\tjobs\tjobs\tJOBS\n"
      "test\ttrade\ttrade\tDEAL\n";
  Write("reuters/reut2-000.sgm", kSgml);
  Write("reuters/reut2-001.sgm", second);
  Write("reuters/reut2-002.sgm", third);
  Write("reuters/README.txt", "<REUTERS ");
  Pack("reuters.tar.gz", Packing::kTarGz,
       {{"README.txt", "<REUTERS "}, {"reut2-002.sgm", third}, {"reut2-001.sgm", second}, {"reut2-000.sgm", kSgml}});
  for (const char* name : {"reuters", "reuters.tar.gz"}) {
    const absl::StatusOr<Dataset> dataset = Load(absl::StrCat("reuters { path: '$", name, "' }", rest));
    ASSERT_TRUE(dataset.ok()) << dataset.status();
    EXPECT_EQ(ExportText(*dataset), expected);
    EXPECT_EQ(dataset->skipped_bad_lines, 1);
  }
  EXPECT_THAT(Exported("reuters { path: '$reuters' } split { shares {} }"),
              StartsWith("reuters/reut2-002.sgm:1: a document (<REUTERS ...>) that does not end\n1 damaged line;"));
  EXPECT_THAT(
      Exported(absl::StrCat("reuters { path: '$reuters' }", " skip_bad_lines: true")),
      StartsWith("reuters: 6 texts in 3 classes; the public files have 21578 (Reuters-21578, distribution 1.0), "));
  Write("reuters.json",
        "{\"text\": [\"a\"], \"raw\": \"A raw text\", \"label\": \"wholesale price index\"}\n"
        "{\"text\": [\"a\", \"b\"], \"label\": 16}\n{\"text\": [\"c\"], \"label\": \"acq\"}\n");
  EXPECT_EQ(Exported("reuters { path: '$reuters.json' } allow_other_counts: true"),
            "train\tacq\tacquisitions\tc\n"
            "valid\tjobs\tjobs\ta b\n"
            "test\twpi\twholesale price index\tA raw text\n");
}

constexpr char kPost[] =
    "From: a@b (A)\nSubject: Re: An orbit\n of a\tmoon\nLines: 3\n\nB writes:\n> a quoted line\nMy caf\xe9\x85 line\n";

TEST(NewsgroupsTest, HeadersQuotesAndWords) {
  NewsgroupsSource source;
  EXPECT_EQ(PostText(kPost, source, 0), "Re: An orbit of a moon B writes: > a quoted line My caf\xc3\xa9 line");
  EXPECT_EQ(PostText(kPost, source, 3), "Re: An orbit");
  source.set_drop_quotes(true);
  EXPECT_EQ(PostText(kPost, source, 0), "Re: An orbit of a moon My caf\xc3\xa9 line");
  source.set_headers(NewsgroupsSource::NONE);
  EXPECT_EQ(PostText(kPost, source, 0), "My caf\xc3\xa9 line");
  source.set_headers(NewsgroupsSource::ALL);
  EXPECT_EQ(PostText(kPost, source, 0), "From: a@b (A) Subject: Re: An orbit of a moon Lines: 3 My caf\xc3\xa9 line");
  EXPECT_EQ(PostText(" rest.of!a.line\nSubject: cut\n\nbody", NewsgroupsSource(), 0), "cut body");
  EXPECT_EQ(PostText("no header here\n\nbody", source, 0), "no header here body");
  EXPECT_EQ(PostText("Subject: and no body", source, 0), "Subject: and no body");
}

TEST(NewsgroupsTest, ArchiveAndFolderAreTheSame) {
  const std::vector<std::pair<std::string, std::string>> files = {
      {"20news-test/talk.politics.misc/9", "Subject: P\n\np"},
      {"20news-train/sci.space/101", "Subject: later\n\nx"},
      {"20news-train/comp.graphics/7", "Subject: G\r\n\r\ng\r\n"},
      {"20news-test/sci.space/20", kPost},
      {"20news-test/sci.space/.hidden", "no post"},
      {"README", "no post"}};
  for (const auto& [name, contents] : files) {
    Write("news/" + name, contents);
  }
  Pack("news.tar.xz", Packing::kTarXz, files);
  Pack("news.zip", Packing::kZip, files);
  for (const char* name : {"news", "news.tar.xz", "news.zip"}) {
    const absl::StatusOr<Dataset> dataset =
        Load(absl::StrCat("newsgroups { path: '$", name, "' } allow_other_counts: true max_words: 3"));
    ASSERT_TRUE(dataset.ok()) << dataset.status();
    EXPECT_EQ(ExportText(*dataset),
              "valid\tcomp.graphics\tgraphics\tG g\n"
              "train\tsci.space\tspace\tRe: An orbit\n"
              "train\tsci.space\tspace\tlater x\n"
              "test\ttalk.politics.misc\tpolitics\tP p\n");
    EXPECT_EQ(dataset->split_name, "bao2020");
  }
  EXPECT_THAT(
      Exported("newsgroups { path: '$news.zip' }"),
      StartsWith("news.zip: 4 texts in 3 classes; the public files have 18846 in 20 classes (20news-bydate), "));
  EXPECT_THAT(
      Exported("newsgroups { path: '$news.zip' } allow_other_counts: true split { published: 'metaprompting' }"),
      HasSubstr("train\tsci.space\tspace nasa orbit shuttle launch moon earth mission spacecraft\tlater x\n"));
  Write("no.tar.xz", "nothing packed");
  EXPECT_THAT(Exported("newsgroups { path: '$no.tar.xz' }"), StartsWith("no.tar.xz: "));
}

TEST(AmazonTest, AFileACategoryAndADrawnSample) {
  std::string reviews;
  for (int i = 0; i < 200; ++i) {
    absl::StrAppend(&reviews, "{\"overall\": 5.0, \"reviewText\": \"review ", 100 + i, "\"}\n");
  }
  Write("amazon/reviews_Baby_5.json", reviews);
  Pack("amazon/reviews_Toys_and_Games_5.json.gz", Packing::kGz,
       {{"x", "{\"reviewText\": \"a toy\"}\n{\"overall\": 1}\n"}});
  Write("amazon/Books_5.json", "{\"reviewText\": \"a book\"}\n");
  const std::string all = Exported("amazon { path: '$amazon' max_texts: 0 } allow_other_counts: true");
  EXPECT_THAT(all, StartsWith("train\tBaby\tbaby\treview 100\ntrain\tBaby\tbaby\treview 101\n"));
  EXPECT_THAT(all, HasSubstr("test\tBooks\tbooks\ta book\nvalid\tToys_and_Games\ttoys and games\ta toy\n"));
  const std::string sample = "amazon { path: '$amazon' max_texts: 50 } allow_other_counts: true";
  const absl::StatusOr<Dataset> drawn = Load(sample);
  ASSERT_TRUE(drawn.ok()) << drawn.status();
  ASSERT_EQ(drawn->classes[0].texts.size(), 50U);
  EXPECT_EQ(drawn->empty_texts, 1);
  // In the file's order, and from the whole file; another seed draws other lines.
  EXPECT_TRUE(std::is_sorted(drawn->classes[0].texts.begin(), drawn->classes[0].texts.end()));
  EXPECT_LT(drawn->classes[0].texts[0], "review 130");
  EXPECT_GT(drawn->classes[0].texts[49], "review 270");
  EXPECT_EQ(ExportText(*drawn), Exported(sample));
  EXPECT_NE(ExportText(*drawn), Exported("amazon { path: '$amazon' max_texts: 50 seed: 1 } allow_other_counts: true"));
  EXPECT_THAT(Exported("amazon { path: '$amazon' }"),
              StartsWith("the split bao2020 has classes that the data lacks: 'Amazon_Instant_Video', "));
}

TEST(ProtAugmentTest, FoldsOfTheFolder) {
  Write("intents/full.jsonl",
        "{\"sentence\": \"Where is my card?\", \"label\": \"card_arrival\"}\n"
        "{\"sentence\": \"Reverted\", \"label\": \"reverted_card_payment?\"}\n"
        "{\"sentence\": \"louder\", \"label\": \"audio/volume_up\"}\n");
  for (const auto& [name, label] :
       {std::make_pair("train", "card_arrival\n"), std::make_pair("valid", "audio/volume_up"),
        std::make_pair("test", "reverted_card_payment?\r\n\n")}) {
    Write(absl::StrCat("intents/few_shot/01/labels.", name, ".txt"), label);
    Write(absl::StrCat("intents/few_shot/02/labels.", name, ".txt"), "unknown\n");
  }
  const std::string intents = "protaugment { path: '$intents' } ";
  EXPECT_EQ(Exported(intents + "allow_other_counts: true"),
            "valid\taudio/volume_up\taudio volume up\tlouder\n"
            "train\tcard_arrival\tcard arrival\tWhere is my card?\n"
            "test\treverted_card_payment?\treverted card payment\tReverted\n");
  EXPECT_EQ(Load(intents + "allow_other_counts: true")->split_name, "fold01");
  EXPECT_EQ(Exported(intents + "allow_other_counts: true split { published: 'fold02' }"),
            "intents/few_shot/02: train has no class");
  EXPECT_EQ(Exported(intents + "allow_other_counts: true split { published: 'fold3' }"),
            "dataset.split.published is 'fold3'; for the protaugment source there are fold01, fold02");
  EXPECT_THAT(Exported(intents),
              StartsWith("intents: 3 texts in 3 classes; the public files have 13083 in 77 classes "));
  EXPECT_EQ(Exported("protaugment { path: '$none' }"), "none/full.jsonl: No such file or directory");
}

TEST(FewRelTest, RelationsEntitiesAndNames) {
  Write(
      "fewrel.json",
      R"({"P1": [{"tokens": ["Bonn", "is", "in", "Germany"], "h": ["bonn", "Q1", [[0]]], "t": ["germany", "Q2", [[3]]]}],)"
      R"( "P2": [{"tokens": ["x"], "h": ["h"], "t": ["t"]}], "P3": [{"tokens": ["y"], "h": ["h"], "t": ["t"]}]})");
  Write("names.json", R"({"P1": ["country", "what it is in"], "P2": "owner of"})");
  const char* rest = " allow_other_counts: true split { lists { train: 'P1' valid: 'P2' test: 'P3' } }";
  EXPECT_EQ(Exported(absl::StrCat("fewrel { path: '$fewrel.json' names: '$names.json' }", rest)),
            "train\tP1\tcountry\tbonn ; germany : Bonn is in Germany\n"
            "valid\tP2\towner of\th ; t : x\n"
            "test\tP3\tp3\th ; t : y\n");
  EXPECT_THAT(Exported(absl::StrCat("fewrel { path: '$fewrel.json' name_entities: false }", rest)),
              StartsWith("train\tP1\tp1\tBonn is in Germany\n"));
  EXPECT_THAT(Exported("fewrel { path: '$fewrel.json' }"), StartsWith("dataset.split must be set: "));
  EXPECT_EQ(
      Exported("fewrel { path: '$fewrel.json' } split { published: 'bao2020' }"),
      "dataset.split.published is 'bao2020'; for the fewrel source no split is published: give lists (the classes "
      "by label), shares (drawn with a seed) or file");
  Write("bad_fewrel.json", R"({"P1": [{"tokens": ["x"], "h": [1], "t": ["t"]}]})");
  EXPECT_EQ(Exported(absl::StrCat("fewrel { path: '$bad_fewrel.json' }", rest)),
            "bad_fewrel.json: sentence 1 of P1: field 'h' is not a list that begins with a name");
  Write("bad_fewrel.json", "{\"P1\": 5}");
  EXPECT_EQ(Exported(absl::StrCat("fewrel { path: '$bad_fewrel.json' }", rest)),
            "bad_fewrel.json: 'P1' is not the name of a relation with a list of sentences");
}

std::vector<int> Sides(const google::protobuf::Message& source, const char* name) {
  const SourceInfo& info = *FindSource(*source.GetDescriptor());
  EXPECT_THAT(info.splits, Contains(name));
  std::vector<std::string> labels;
  for (const PublicClass& one : info.classes) {
    labels.push_back(one.label);
  }
  std::sort(labels.begin(), labels.end());
  const absl::StatusOr<ClassPlaces> places = PublishedSplit(info.classes, name, labels, false);
  EXPECT_TRUE(places.ok()) << places.status();
  std::vector<int> counts(3);
  std::set<std::string> names;
  for (const auto& [label, place] : *places) {
    ++counts[static_cast<size_t>(place.split)];
    EXPECT_TRUE(names.insert(place.name).second) << place.name;
  }
  return counts;
}

TEST(PublishedSplitTest, HaveTheirPublishedSizes) {
  EXPECT_THAT(Sides(HuffPostSource(), "bao2020"), ElementsAre(20, 5, 16));
  EXPECT_THAT(Sides(HuffPostSource(), "metaprompting"), ElementsAre(20, 5, 15));
  for (const char* name : {"bao2020", "metaprompting"}) {
    EXPECT_THAT(Sides(ReutersSource(), name), ElementsAre(15, 5, 11));
    EXPECT_THAT(Sides(NewsgroupsSource(), name), ElementsAre(8, 5, 7));
    EXPECT_THAT(Sides(AmazonSource(), name), ElementsAre(10, 5, 9));
  }
  EXPECT_EQ(Exported("huffpost { path: 'x' } split { published: 'bao' }"),
            "dataset.split.published is 'bao'; for the huffpost source there are bao2020, metaprompting");
  EXPECT_EQ(Exported("debian {} split { published: 'bao2020' }"),
            "dataset.split.published is 'bao2020'; for the debian source there is only debian");
  EXPECT_EQ(RuleName("ARTS & CULTURE"), "arts & culture");
  EXPECT_EQ(RuleName("Refund_not_showing_up?"), "refund not showing up");
  EXPECT_EQ(RuleName("?"), "?");
}

TEST(SealTest, SealedTextsEndTheProgramThatReadsThem) {
  Write("sealed.tsv", "a\t1\nb\t2\nc\t3\n");
  Dataset dataset = *Load(absl::StrCat("tsv { path: '$sealed.tsv' }", kLists));
  dataset.SetSealed(Split::kTest, true);
  const TextClass* const test = dataset.Of(Split::kTest)[0];
  EXPECT_EQ(test->texts.size(), 1U);
  EXPECT_EQ(dataset.NumTexts(), 3);
  EXPECT_EQ(dataset.Of(Split::kValid)[0]->texts[0], "2");
  constexpr char kEnd[] = "a text of a sealed class was read: test classes are sealed until meta-test";
  EXPECT_DEATH(test->texts[0].size(), kEnd);
  EXPECT_DEATH(test->texts.begin(), kEnd);
  EXPECT_DEATH(ExportText(dataset), kEnd);
  dataset.SetSealed(Split::kTest, false);
  EXPECT_EQ(test->texts[0], "3");
}

}  // namespace
}  // namespace metaprompt
