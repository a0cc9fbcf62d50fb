// Files of another format than the source that a spec names: the error guesses what they are.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/string_view.h"
#include "absl/strings/strip.h"
#include "tests/helpers/dataset_files.h"

namespace metaprompt {
namespace {

using ::testing::HasSubstr;

// The error for a file of this source and contents, without the hint that follows if only one line is damaged.
std::string Error(absl::string_view source, absl::string_view contents) {
  Write(absl::StrCat("bad.", source), contents);
  const std::string error = Exported(absl::StrCat(source, " { path: '$bad.", source, "' } split { shares {} }"));
  return std::string(absl::StripSuffix(error, "\n1 damaged line; dataset.skip_bad_lines: true leaves it out"));
}

std::string TsvError(absl::string_view contents) { return Error("tsv", contents); }
std::string JsonlError(absl::string_view contents) { return Error("jsonl", contents); }

TEST(LikelyFormatTest, ErrorsGuessWhatTheFileIs) {
  const std::string utf16(
      "\xff\xfe"
      "a\0\t\0t\0\n\0",
      10);
  EXPECT_EQ(TsvError(utf16), "bad.tsv: it looks like UTF-16; `iconv -f UTF-16 -t UTF-8` converts it");
  EXPECT_THAT(TsvError(utf16.substr(2)), HasSubstr("\nbad.tsv: it looks like UTF-16"));  // without the mark
  EXPECT_THAT(TsvError("a\tone\rb\ttwo\r"), HasSubstr("\nbad.tsv: its lines end with CR alone"));
  EXPECT_THAT(JsonlError("[\n {\"text\": \"t\", \"label\": 1}]"), HasSubstr("\nbad.jsonl: it is a JSON array; "));
  EXPECT_THAT(JsonlError("\n<!DOCTYPE html><p>404"), HasSubstr("\nbad.jsonl: it is an HTML page; "));
  EXPECT_THAT(TsvError("version https://git-lfs.github.com/spec/v1\noid sha256:12\n"),
              HasSubstr("\nbad.tsv: it is a pointer of git-lfs in place of the file; "));
  EXPECT_THAT(TsvError("PK\x03\x04 [Content_Types].xml"), HasSubstr("\nbad.tsv: it is an Excel workbook or "));
  EXPECT_EQ(TsvError("no tab"), "bad.tsv:1: no tab between label and text");
}

TEST(LikelyFormatTest, ErrorsNameTheSourceThatReadsTheFile) {
  std::string csv = "id,text,label\n";
  std::string tsv;
  std::string jsonl;
  for (int i = 0; i < 20; ++i) {
    absl::StrAppend(&csv, i, ",\"one, two\",a\n");
    absl::StrAppend(&tsv, "a\tone ", i, "\n");
    absl::StrAppend(&jsonl, "{\"text\": \"one\", \"label\": ", i, "}\n");
  }
  const std::string rest =
      "; lines 2 to 10 have the same error\nand 11 more; 21 damaged lines; "
      "dataset.skip_bad_lines: true leaves them out\n";
  EXPECT_EQ(TsvError(csv), absl::StrCat("bad.tsv:1: no tab between label and text", rest,
                                        "bad.tsv: it looks like values separated by commas; dataset.csv reads such "
                                        "files"));
  EXPECT_EQ(JsonlError(csv), absl::StrCat("bad.jsonl:1: not valid JSON", rest,
                                          "bad.jsonl: it looks like values separated by commas; dataset.csv reads such "
                                          "files"));
  EXPECT_THAT(JsonlError(tsv), HasSubstr("\nbad.jsonl: it looks like lines of label, tab, text; dataset.tsv reads "));
  EXPECT_THAT(TsvError(jsonl), HasSubstr("\nbad.tsv: it looks like JSON lines; dataset.jsonl reads "));
  EXPECT_THAT(TsvError(absl::StrReplaceAll(csv, {{",", "\t"}})),
              HasSubstr("\nbad.tsv: it looks like values separated by tabs; dataset.csv reads "));
  // Damage in the midst of a file of the right format.
  EXPECT_EQ(TsvError(absl::StrCat(tsv, "no tab, but commas, here\n")), "bad.tsv:21: no tab between label and text");
}

}  // namespace
}  // namespace metaprompt
