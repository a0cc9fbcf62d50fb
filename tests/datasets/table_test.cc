// Tables in the layouts that users have: which columns are found, and which rows are read.
#include "datasets/readers/table.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sstream>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace metaprompt {
namespace {

using ::testing::HasSubstr;

// The rows as "label|name|text@line", one per line, or the error.
std::string Rows(const std::string& file, bool labelled, const ColumnNames& columns = {}) {
  std::istringstream in(file);
  absl::StatusOr<Table> table = Table::Open(&in, "f", labelled, columns);
  if (!table.ok()) {
    return std::string(table.status().message());
  }
  std::vector<std::string> rows;
  for (TableRow row;;) {
    const absl::StatusOr<bool> more = table->Next(&row);
    if (!more.ok()) {
      rows.emplace_back(more.status().message());
      break;
    }
    if (!*more) {
      break;
    }
    rows.push_back(absl::StrCat(row.label, "|", row.name, "|", absl::StrJoin(row.texts, "|"), "@", row.line));
  }
  return absl::StrJoin(rows, "\n");
}

std::string Format(const std::string& file, bool labelled, const ColumnNames& columns = {}) {
  std::istringstream in(file);
  const absl::StatusOr<Table> table = Table::Open(&in, "f", labelled, columns);
  return table.ok() ? table->format().Describe() : std::string(table.status().message());
}

TEST(TableTest, LabelledColumnsAreFoundByTheirNames) {
  for (const std::string delimiter : {",", ";", "\t", "|"}) {
    EXPECT_EQ(Rows(absl::StrJoin({"id", "Intent", "Message"}, delimiter) + "\r\n" +
                       absl::StrJoin({"1", "pay", "\"a, \"\"b\"\";|\tc\nd\""}, delimiter) + "\n\n" +
                       absl::StrJoin({"2", " lost  card ", "where"}, delimiter),
                   true),
              "pay||a, \"b\";|\tc\nd@2\nlost card||where@5")
        << delimiter;
  }
  // A byte-order mark is not part of the first name.
  EXPECT_EQ(Format("\xef\xbb\xbfIntent,id,Message\npay,1,x\n", true),
            "CSV, label column 'Intent', text column 'Message'");
  EXPECT_EQ(Format("text;label\nx;y\n", true), "CSV with ;, label column 'label', text column 'text'");
  EXPECT_EQ(Rows("label\tname\ttext\na\tone\tx\n", true), "a|one|x@2");
  EXPECT_EQ(
      Rows("{\"sentence\": \"a \\n b\", \"class\": 3}\n\n{\"class\": \"x\", \"sentence\": [\"two\", \"words\"]}\n",
           true),
      "3||a \n b@1\nx||two words@3");
}

TEST(TableTest, LabelledColumnsThatAreNamedByTheUser) {
  const std::string file = "who,what,text,label\nme,up,a,b\nyou,down,c,d\n";
  EXPECT_EQ(Rows(file, true), "b||a@2\nd||c@3");
  EXPECT_EQ(Rows(file, true, {"what", "who"}), "up||me@2\ndown||you@3");
  EXPECT_EQ(Rows("me,up\nyou,down\n", true, {"2", "1"}), "up||me@1\ndown||you@2");
  EXPECT_EQ(Rows(file, true, {"2", "3"}), "up||a@2\ndown||c@3") << "`text` tells that there is a header";
  EXPECT_THAT(
      Rows(file, true, {"topic", ""}),
      HasSubstr("f: cannot find a column of labels and one of texts; give their names or numbers with "
                "--label-column and --text-column; its first line has who, what, text, label, but not 'topic'"));
  EXPECT_THAT(Rows(file, true, {"2", "5"}), HasSubstr("its first line has who, what, text, label, but not '5'"));
}

TEST(TableTest, LabelledColumnsAreGuessedByTheirContents) {
  const std::string rows =
      "7,spam,win a lot of money now\n8,ham,shall we meet for lunch today\n9,spam,a prize is waiting for you\n"
      "10,ham,the report is attached to this mail\n";
  EXPECT_EQ(Format("nr,kind,mail\n" + rows, true), "CSV, label column 'kind', text column 'mail'");
  EXPECT_EQ(Format(rows, true), "CSV without a header, label column 2, text column 3");
  EXPECT_THAT(Rows(rows, true), HasSubstr("spam||win a lot of money now@1\n"));
  EXPECT_EQ(Format("spam\twin\nham\tlunch\n", true), "lines of label, tab, text");
  EXPECT_EQ(Rows("spam\twin\nham\tno spam\tlunch\n", true), "spam||win@1\nham|no spam|lunch@2");
  EXPECT_THAT(Format("one\ntwo\n", true),
              HasSubstr("; its first line is not divided by commas, semicolons, tabs or |"));
}

TEST(TableTest, TextsAreLinesUnlessAHeaderNamesThem) {
  EXPECT_EQ(Rows("a, b\n\n c\td \r\n{\"x\"}", false), "||a, b@1\n||@2\n|| c\td @3\n||{\"x\"}@4");
  EXPECT_EQ(Rows("Question, how do I pay?\nx\n", false), "||Question, how do I pay?@1\n||x@2");
  EXPECT_EQ(Rows("", false), "");
  EXPECT_EQ(Rows("id,text\n1,\"a\n\nb\"\n\n2,\n", false), "||a\n\nb@2\n||@6");
  EXPECT_EQ(Rows("{\"text\": \"a\"}\n{\"text\": \"\"}\n", false), "||a@1\n||@2");
  EXPECT_EQ(Rows("mail\tfrom\na\tb\n", false, {"", "mail"}), "||a@2");
  EXPECT_EQ(Rows("a;b\nc;d\n", false, {"", "2"}), "||b@1\n||d@2");
  EXPECT_EQ(Rows("mail\na,b\n", false, {"", "mail"}), "||a,b@2");
  EXPECT_EQ(Rows("x,y\n", false, {"", "mail"}), "f: no column 'mail' in the first line");
  EXPECT_EQ(Rows("the cat\na \"b\"\n", false, {"", "1"}), "||the cat@1\n||a \"b\"@2") << "a single column";
  EXPECT_EQ(Rows("text\nthe cat\n", false, {"", "1"}), "||the cat@2");
  EXPECT_EQ(Rows("the cat\n", false, {"", "2"}), "f: no column '2' in the first line");
  EXPECT_EQ(Rows("\n\nid,text\n1,a\n", false), "||a@4") << "blank lines before the header";
  EXPECT_EQ(Rows("\n{\"text\": \"a\"}\n", false), "||a@2");
  EXPECT_EQ(Rows("\na\n", false), "||@1\n||a@2");
  const bool of_examples = true;  // the texts need not have the examples' columns
  EXPECT_EQ(Rows("x,y\n", false, {"kind", "mail", of_examples}), "||x,y@1");
  EXPECT_EQ(Rows("x,y\n", false, {"1", "2", of_examples}), "||x,y@1");
  EXPECT_EQ(Rows("nr,mail\n1,y\n", false, {"kind", "mail", of_examples}), "||y@2");
  EXPECT_EQ(Rows("nr,Mail\n1,y\n", false, {"kind", "mail", of_examples}), "||y@2");
  EXPECT_EQ(Rows("mail,Mail\n1,y\n", false, {"kind", "Mail", of_examples}), "||y@2");
  EXPECT_EQ(Rows("nr,2024\n1,y\n", false, {"kind", "2024", of_examples}), "||y@2") << "a name, not a number";
}

TEST(TableTest, TextsThatAreNotReadAsTheyAreMeantAreRefused) {
  EXPECT_EQ(Rows("{\"tweet\": \"a\", \"id\": 1}\n", false),
            "f: cannot find the fields of text; the first object has: id, tweet; give their names with --text-column");
  EXPECT_THAT(Rows("{\"text\": \"a\", \"text\": \"b\"}\n", false), HasSubstr("'text'"));
  EXPECT_THAT(Rows("{\"text\": \"a\\x\"}\n", false),
              HasSubstr("f: the first line begins with { and is read as JSON: not valid JSON"));
  EXPECT_THAT(Rows("{\"text\": \"a\", \"label\": 1, \"label\": 2}\n", true), HasSubstr("'label'"));
  EXPECT_THAT(Rows("[{\"text\": \"a\"}]\n", false), HasSubstr("f: it is a JSON array"));
  EXPECT_THAT(Rows("one\rtwo\r", false), HasSubstr("f: its lines end with CR alone"));
  EXPECT_THAT(Rows("x\ry,z\r\n", true), HasSubstr("its first line has 'x\\ry', z"));
  EXPECT_EQ(Rows("text,id,text\na,1,b\n", false),
            "f: two columns are called 'text'; rename one of them in the first line");
  EXPECT_THAT(Rows("label,text,label\na,b,c\n", true), HasSubstr("f: two columns are called 'label'"));
  EXPECT_EQ(Rows("Text\na\n\"b, c\"\n", false), "||a@2\n||b, c@3") << "a single column";
  EXPECT_EQ(Rows("message, please call\nx\n", false, {"kind", "message", /*of_examples=*/true}),
            "||message, please call@1\n||x@2");
  EXPECT_EQ(Rows("one message\nx\n", false, {"kind", "message", /*of_examples=*/true}), "||one message@1\n||x@2");
}

TEST(TableTest, LinesThatLookLikeColumns) {
  const auto guessed = [](const std::string& file) {
    std::istringstream in(file);
    return Table::Open(&in, "f", /*labelled=*/false, ColumnNames()).value().format().guessed;
  };
  EXPECT_TRUE(guessed("remark,sort\n"));
  EXPECT_TRUE(guessed("my remark,sort of case\na,\"b, c\"\nd,e f\ng,h\n")) << "all lines have two fields";
  EXPECT_FALSE(guessed("my remark,sort of case\na,b\nc,d,e\ng,h\n"));
  EXPECT_FALSE(guessed("one, two\nthree, four\nfive, six\nseven, eight\n")) << "prose";
  EXPECT_FALSE(guessed("one\ntwo\nthree\nfour\n"));
  const std::string utf16(
      "\xff\xfe"
      "a\0b\0\n\0",
      8);
  EXPECT_EQ(Rows(utf16, false), "f: it looks like UTF-16; `iconv -f UTF-16 -t UTF-8` converts it");
}

TEST(TableTest, WhatIsAHeader) {
  EXPECT_EQ(Rows("lab,what\na,x\nb,y\n", true, {"lab", "2"}), "a||x@2\nb||y@3") << "a name proves it";
  EXPECT_EQ(Rows("1,x\n2,y\n", true, {"1", "2"}), "1||x@1\n2||y@2") << "a number does not, even as a field";
  const std::string rows = "how do I pay,pay\nwhere is it,find\nI want to pay,pay\nit is lost,find\n";
  EXPECT_EQ(Format("What is your question?,Team\n" + rows, true),
            "CSV, label column 'Team', text column 'What is your question?'");
  EXPECT_EQ(Format("one that is alone,more\n" + rows + "and another one,other\n", true),
            "CSV without a header, label column 2, text column 1");
  EXPECT_EQ(Rows("Label,NAME,Text\na,one,x\n", true), "a|one|x@2");
  EXPECT_EQ(Rows("{\"label\": \"a\", \"name\": \"one\", \"text\": \"x\"}\n", true), "a|one|x@1");
}

TEST(TableTest, DamagedRecordsAreNamed) {
  EXPECT_EQ(Rows("label,text\na,b\nc\n", true), "a||b@2\nf:3: 1 field instead of 2");
  EXPECT_EQ(Rows("label,text\na,\"b\nc\n", true), "f:2: a quote that is not closed");
  EXPECT_EQ(Rows("label,text\na,\"b\"c\n", true), "f:2: text after the quote that ends a field");
  EXPECT_EQ(Rows("label,text\n ,b\n", true), "f:2: empty label");
  EXPECT_THAT(Rows("label,text\na,\xff\n", true), HasSubstr("f:2: "));
  EXPECT_THAT(Rows("a\n\xff\n", false), HasSubstr("||a@1\nf:2: "));
  EXPECT_EQ(Rows("{\"text\": \"a\", \"label\": 1}\n{\"text\": \"a\"}\n", true),
            "1||a@1\nf:2: no field 'label'; the object has: text");
  EXPECT_EQ(Rows("\n\n", true), "f: no text in this file");
}

}  // namespace
}  // namespace metaprompt
