// Examples of several texts in a user's files: how they are read and compared, and which columns are found.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <sstream>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "datasets/dataset.h"
#include "datasets/dataset_json.h"
#include "datasets/readers/table.h"
#include "tests/helpers/dataset_files.h"

namespace metaprompt {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr char kLists[] = " split { lists { train: 'a' valid: 'b' test: 'c' } }";

TEST(PairsTest, EachTextHasAColumn) {
  Write("p.csv",
        "hypothesis,label,premise,source\n"
        "\"it  rains,\nnot\",a,the sky is grey,x\nsnow,b,the sky,y\nhail,c,ice,z\n");
  const std::string csv = "csv { path: '$p.csv' text_column: 'premise' text_b_column: 'hypothesis'";
  EXPECT_EQ(Exported(absl::StrCat(csv, " }", kLists)),
            "train\ta\ta\tthe sky is grey\tit rains, not\nvalid\tb\tb\tthe sky\tsnow\ntest\tc\tc\tice\thail\n");
  const std::string three = absl::StrCat(csv, " more_columns: 'source' }", kLists);
  EXPECT_EQ(Exported(absl::StrCat(three, " max_words: 2")),
            "train\ta\ta\tthe sky\tit rains,\tx\nvalid\tb\tb\tthe sky\tsnow\ty\ntest\tc\tc\tice\thail\tz\n");
  EXPECT_THAT(Load(three)->text_names, ElementsAre("text", "text_b", "source"));
  EXPECT_THAT(StatsText(*Load(three)), HasSubstr("texts per example   text, text_b, source\n"));
  EXPECT_THAT(StatsText(*Load(three)), HasSubstr("train  a      a            1         8.0     8.0    8\n"));
  const std::vector<std::string> lines = absl::StrSplit(ExportJson(*Load(three)), '\n');
  EXPECT_EQ(lines[0],
            "{\"split\":\"train\",\"label\":\"a\",\"name\":\"a\",\"text\":\"the sky is grey\",\"text_b\":\"it rains, "
            "not\",\"source\":\"x\"}");
  Write("p.jsonl",
        "{\"p\": \"one\", \"h\": [\"two\", \"words\"], \"label\": \"a\"}\n"
        "{\"p\": \"three\", \"h\": \"four\", \"label\": \"b\"}\n{\"p\": \"five\", \"h\": \"six\", \"label\": \"c\"}\n");
  EXPECT_EQ(Exported(absl::StrCat("jsonl { path: '$p.jsonl' text_field: 'p' text_b_field: 'h' }", kLists)),
            "train\ta\ta\tone\ttwo words\nvalid\tb\tb\tthree\tfour\ntest\tc\tc\tfive\tsix\n");
  EXPECT_EQ(Exported(absl::StrCat("jsonl { path: '$p.jsonl' text_field: 'p' more_fields: 'h' }", kLists)),
            Exported(absl::StrCat("jsonl { path: '$p.jsonl' text_field: 'p' text_b_field: 'h' }", kLists)));
}

TEST(PairsTest, APairIsOneExample) {
  // Single texts occur several times; of the pairs, one occurs twice in its class and one under two labels.
  Write("d.csv", "text,text_b,label\nx,y,a\nx,z,a\nx,y,a\ny,x,a\nx,z,b\nx,x,b\nq,r,c\n");
  const absl::StatusOr<Dataset> dataset = Load(absl::StrCat("csv { path: '$d.csv' text_b_column: 'text_b' }", kLists));
  ASSERT_TRUE(dataset.ok()) << dataset.status();
  EXPECT_EQ(dataset->dropped_duplicates, 1);
  ASSERT_EQ(dataset->shared_texts.size(), 1);
  EXPECT_THAT(dataset->shared_texts[0], ElementsAre(0, 1));
  EXPECT_THAT(StatsText(*dataset), HasSubstr("  a (train), b (valid): x | z\n"));
}

TEST(PairsTest, ErrorsNameTheColumn) {
  Write("e.csv", "text,other,label\nx,,a\ny,z,b\n");
  EXPECT_EQ(Exported(absl::StrCat("csv { path: '$e.csv' text_b_column: 'hypothesis' }", kLists)),
            "e.csv:1: no column 'hypothesis'; there are text, other, label");
  EXPECT_THAT(Exported(absl::StrCat("csv { path: '$e.csv' text_b_column: 'other' }", kLists)),
              HasSubstr("e.csv:2: empty text in the column 'other'\n"));
  EXPECT_EQ(Exported(absl::StrCat("csv { path: '$e.csv' text_b_column: '1' }", kLists)),
            "e.csv:1: the column '1' is given for two texts of an example");
  EXPECT_EQ(Exported(absl::StrCat("csv { path: '$e.csv' text_b_column: 'other' more_columns: 'text_b' }", kLists)),
            "dataset.csv.more_columns has 'text_b'; another text of an example has this name");
  EXPECT_EQ(
      Exported(absl::StrCat("csv { path: '$e.csv' more_columns: 'mask' }", kLists)),
      "dataset.csv.more_columns has 'mask'; this name has another meaning, so that the column needs another name");
  EXPECT_EQ(Exported(absl::StrCat("csv { path: '$e.csv' more_columns: 'a}' }", kLists)),
            "dataset.csv.more_columns has 'a}'; {NAME} must be possible in a template");
  Write("e.jsonl", "{\"text\": \"x\", \"label\": \"a\"}\n{\"text\": \"x\", \"h\": \" \", \"label\": \"a\"}\n");
  const std::string jsonl = Exported(absl::StrCat("jsonl { path: '$e.jsonl' text_b_field: 'h' }", kLists));
  EXPECT_THAT(jsonl, HasSubstr("e.jsonl:1: no field 'h'; the object has: label, text\n"));
  EXPECT_THAT(jsonl, HasSubstr("e.jsonl:2: field 'h' is empty\n"));
}

// The rows as "label|text|text_b", or the error, after a line that describes the format.
std::string Rows(const std::string& file, bool labelled, const ColumnNames& columns = {}) {
  std::istringstream in(file);
  absl::StatusOr<Table> table = Table::Open(&in, "f", labelled, columns);
  if (!table.ok()) {
    return std::string(table.status().message());
  }
  std::vector<std::string> rows = {table->format().Describe()};
  for (TableRow row;;) {
    const absl::StatusOr<bool> more = table->Next(&row);
    if (!more.ok()) {
      rows.emplace_back(more.status().message());
      break;
    }
    if (!*more) {
      break;
    }
    rows.push_back(absl::StrCat(row.label, "|", absl::StrJoin(row.texts, "|")));
  }
  return absl::StrJoin(rows, "\n");
}

ColumnNames Wanted(const std::vector<std::string>& texts) {
  ColumnNames names;
  names.wanted = texts;
  return names;
}

TEST(PairsTest, ThePairOfATableIsFoundByItsNames) {
  for (const auto& [first, second] : std::vector<std::pair<std::string, std::string>>{
           {"premise", "hypothesis"}, {"Sentence1", "Sentence2"}, {"text", "text_b"}, {"question1", "question2"}}) {
    EXPECT_EQ(
        Rows(absl::StrCat("id,", second, ",label,", first, "\n1,b,x,a\n"), true),
        absl::StrCat("CSV, label column 'label', text column '", first, "', text_b column '", second, "'\nx|a|b"));
    EXPECT_EQ(
        Rows(absl::StrCat("{\"", first, "\": \"a\", \"label\": 1, \"", second, "\": \"b\"}"), true),
        absl::StrCat("JSON lines, label field 'label', text field '", first, "', text_b field '", second, "'\n1|a|b"));
  }
  const std::string file = "what,who,kind\na,b,x\n";
  EXPECT_EQ(Rows(file, true, {"kind", "who", false, "what"}),
            "CSV, label column 'kind', text column 'who', text_b column 'what'\nx|b|a");
  EXPECT_EQ(Rows("a,b,x\n", true, {"3", "1", false, "2"}),
            "CSV without a header, label column 3, text column 1, text_b column 2\nx|a|b");
  EXPECT_EQ(Rows("premise,hypothesis,label\na,b,x\n", true, {"", "premise"}),
            "CSV, label column 'label', text column 'premise'\nx|a")
      << "whoever names one column means one";
  EXPECT_EQ(Rows("Title,text,text_b,label\nt,a,b,x\n", true, Wanted({"text", "text_b", "title"})),
            "CSV, label column 'label', text column 'text', text_b column 'text_b', title column 'Title'\nx|a|b|t");
  EXPECT_EQ(Rows("premise,hypothesis,label\na,b,x\n", true, Wanted({"text_b"})),
            "CSV, label column 'label', text_b column 'hypothesis'\nx|b");
}

TEST(PairsTest, WhatIsNoPairIsRefused) {
  EXPECT_EQ(Rows("text,label\na,x\nb,x\nc,y\n", true, Wanted({"text", "text_b"})),
            "f: cannot find a column of labels and one of each text (text, text_b); give their names or numbers with "
            "--label-column, --text-column and --text-b-column; its first line has text, label");
  const std::string single =
      "f: the columns 'premise' and 'hypothesis' look like pairs of texts, and one text is wanted; name its column "
      "with --text-column";
  EXPECT_EQ(Rows("premise,hypothesis,label\na,b,x\n", true, Wanted({"text"})), single);
  EXPECT_EQ(Rows("premise\thypothesis\na\tb\n", false, Wanted({"text"})), single);
  EXPECT_EQ(Rows("{\"premise\": 1, \"hypothesis\": 2}", false, Wanted({"text"})), single);
  EXPECT_EQ(Rows("one text\n", false, Wanted({"text", "text_b"})),
            "f: each example has 2 texts (text, text_b): give CSV, TSV or JSON lines with a column for each, named so "
            "or with --text-column and --text-b-column, or lines of the texts with tabs between them");
}

TEST(PairsTest, UnlabelledPairs) {
  const ColumnNames pair = Wanted({"text", "text_b"});
  EXPECT_EQ(Rows("id;sentence2;sentence1\n1;b;\"a;\nc\"\n", false, pair),
            "CSV with ;, text column 'sentence1', text_b column 'sentence2'\n|a;\nc|b");
  EXPECT_EQ(Rows("{\"text_b\": \"b\", \"text\": \"a\"}\n{\"text\": \"a\"}\n", false, pair),
            "JSON lines, text field 'text', text_b field 'text_b'\n|a|b\nf:2: no field 'text_b'; the object has: text");
  EXPECT_EQ(Rows("a \"quoted\tb\n\nc, d\te\nalone\n", false, pair),
            "lines of text, tab, text_b\n|a \"quoted|b\n||\n|c, d|e\nf:4: 1 text instead of 2, with tabs between them");
  ColumnNames of_examples = {"kind", "who", true, "what"};
  of_examples.wanted = {"text", "text_b"};
  EXPECT_EQ(Rows("who,what\na,b\n", false, of_examples), "CSV, text column 'who', text_b column 'what'\n|a|b");
  EXPECT_EQ(Rows("text,text_b\na,b\n", false, of_examples), "CSV, text column 'text', text_b column 'text_b'\n|a|b");
}

}  // namespace
}  // namespace metaprompt
