// Valid UTF-8, columns on a terminal, and text in error messages.
#include "metaprompt/base/text.h"

#include <gtest/gtest.h>

#include <string>

#include "absl/strings/str_cat.h"
#include "metaprompt/base/text_table.h"

namespace metaprompt {
namespace {

TEST(TextTest, Utf8IsWhatRfc3629Allows) {
  for (const char* good :
       {"", "a", "\xc2\x80", "\xe0\xa0\x80", "\xed\x9f\xbf", "\xf0\x90\x80\x80", "\xf4\x8f\xbf\xbf"}) {
    EXPECT_TRUE(CheckUtf8(good).ok()) << Quoted(good);
  }
  // A lone continuation byte, overlong forms, a surrogate, a code beyond the last character, a sequence cut short.
  for (const char* bad : {"\x80", "\xc1\xbf", "\xe0\x9f\xbf", "\xed\xa0\x80", "\xf4\x90\x80\x80", "\xe2\x82", "\xff"}) {
    EXPECT_EQ(CheckUtf8(absl::StrCat("ab", bad)).message(), "not valid UTF-8 at byte 3") << Quoted(bad);
  }
}

TEST(TextTest, QuotedIsShortAndPrintable) {
  EXPECT_EQ(Quoted("a\tb"), "'a\\tb'");
  EXPECT_EQ(Quoted(std::string(50, 'x')), absl::StrCat("'", std::string(40, 'x'), "...'"));
  EXPECT_EQ(Quoted("\xe8\xb4\xa6\xe5\x8d\x95"), "'\xe8\xb4\xa6\xe5\x8d\x95'");  // 账单
  EXPECT_EQ(Quoted("\xef\xbb\xbf"
                   "a\xe2\x80\xaf"
                   "b\xc2\x85"),
            "'\\u{feff}a\\u{202f}b\\u{85}'");       // none of them is visible
  EXPECT_EQ(Quoted("a\xe8\xb4"), "'a\\xe8\\xb4'");  // cut short
  std::string many;
  for (int i = 0; i < 41; ++i) {
    many += "\xc3\xbc";
  }
  EXPECT_EQ(Quoted(many), absl::StrCat("'", many.substr(0, 80), "...'"));  // never half a character
}

TEST(TextTest, TextThatATerminalMayShow) {
  for (const std::string good : {"", "a b", "\xc2\xa0", "\xe8\xb4\xa6"}) {
    EXPECT_TRUE(IsPrintable(good)) << Quoted(good);
    EXPECT_EQ(OneLine(good), good);
  }
  for (const std::string bad : {"a\n", "\x1b[31m", "\x7f", "\xc2\x80",
                                "\xc2\x9b"
                                "31m",
                                "\xff"}) {
    EXPECT_FALSE(IsPrintable(bad)) << Quoted(bad);
    EXPECT_TRUE(IsPrintable(OneLine(bad))) << Quoted(bad);
  }
  EXPECT_EQ(OneLine("a\n\xc2\xa0\xc2\x9b\xc3\xa9."), "a \xc2\xa0 \xc3\xa9.");
  EXPECT_EQ(OneLine("a\n\xc3\xa9\xff"), "a ???") << "not UTF-8";
}

TEST(TextTest, DisplayWidthIsColumnsOfATerminal) {
  EXPECT_EQ(DisplayWidth(""), 0);
  EXPECT_EQ(DisplayWidth("a b"), 3);
  EXPECT_EQ(DisplayWidth("\xc3\xbc"), 1);                              // ü
  EXPECT_EQ(DisplayWidth("u\xcc\x88"), 1);                             // u with a combining diaeresis
  EXPECT_EQ(DisplayWidth("\xc2\xb1\xcf\x83"), 2);                      // ± and σ: ambiguous, narrow outside East Asia
  EXPECT_EQ(DisplayWidth("\xe6\x97\xa5\xe6\x9c\xac"), 4);              // 日本
  EXPECT_EQ(DisplayWidth("\xef\xbc\xa1"), 2);                          // a fullwidth A
  EXPECT_EQ(DisplayWidth("\xef\xbd\xb1"), 1);                          // a halfwidth katakana
  EXPECT_EQ(DisplayWidth("\xf0\x9f\x98\x80"), 2);                      // an emoji
  EXPECT_EQ(DisplayWidth("\xe1\x84\x92\xe1\x85\xa1\xe1\x86\xab"), 2);  // 한 as three letters that make one syllable
  EXPECT_EQ(DisplayWidth("a\xe2\x80\x8b\n"), 1);                       // a zero-width space, a line end
  EXPECT_EQ(DisplayWidth("a\xff\xe6\x97z"), 4);                        // two ill-formed sequences
}

TEST(TextTest, PaddingCountsColumns) {
  EXPECT_EQ(Padded("\xe6\x97\xa5", 4, Align::kLeft), "\xe6\x97\xa5  ");
  EXPECT_EQ(Padded("7", 3, Align::kRight), "  7");
  EXPECT_EQ(Padded("wide", 3, Align::kLeft), "wide");
}

TEST(TextTest, TablesAlignWordsOnTheLeftAndNumbersOnTheRight) {
  EXPECT_EQ(TextTable({{"name", "n", "what"}, {"\xe8\xb4\xa6\xe5\x8d\x95", "12", ""}, {"a", "3", "b"}, {}, {"c"}},
                      {{false, true, false}, /*indent=*/1, /*gap=*/2}),
            " name   n  what\n"
            " \xe8\xb4\xa6\xe5\x8d\x95  12\n"
            " a      3  b\n"
            "\n"
            " c\n")
      << "wide characters take two columns; lines end without blanks";
}

}  // namespace
}  // namespace metaprompt
