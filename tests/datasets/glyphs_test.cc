// Images of characters, from the fonts that Debian installs.
#include "datasets/sources/images/glyphs.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "datasets/dataset.h"
#include "datasets/readers/images/font_file.h"
#include "tests/helpers/dataset_files.h"

namespace metaprompt {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr char kSans[] = "/usr/share/fonts/truetype/dejavu/DejaVuSans.ttf";

// The share of black in rows [top, bottom) and columns [left, right).
double BlackIn(const std::string& picture, int64_t size, int64_t top, int64_t bottom, int64_t left, int64_t right) {
  int64_t black = 0;
  for (int64_t row = top; row < bottom; ++row) {
    for (int64_t column = left; column < right; ++column) {
      black += picture[static_cast<size_t>(row * size + column)] == '\0' ? 1 : 0;
    }
  }
  return static_cast<double>(black) / static_cast<double>((bottom - top) * (right - left));
}

TEST(FontFileTest, ACharacterStandsOnTheLineInTheMiddle) {
  const absl::StatusOr<FontFile> font = FontFile::Open(kSans);
  ASSERT_TRUE(font.ok()) << font.status();
  // In a picture of 40 pixels, an em has 30, the stems of an H are 22 high, and its baseline is row 30.
  const std::string h = *font->Draw(U'H', 40);
  ASSERT_EQ(h.size(), 1600);
  EXPECT_EQ(BlackIn(h, 40, 30, 40, 0, 40), 1) << "below the line";
  EXPECT_EQ(BlackIn(h, 40, 0, 8, 0, 40), 1) << "above the letter";
  EXPECT_LT(BlackIn(h, 40, 9, 29, 8, 32), 0.8);
  for (int64_t row = 0; row < 40; ++row) {
    const std::string line = h.substr(static_cast<size_t>(40 * row), 40);
    for (size_t column = 0; column < 20; ++column) {  // equal up to half of 1/64 pixel
      EXPECT_NEAR(static_cast<unsigned char>(line[column]), static_cast<unsigned char>(line[39 - column]), 4)
          << "an H has two equal sides; row " << row;
    }
  }
  EXPECT_LT(BlackIn(*font->Draw(U'p', 40), 40, 30, 40, 0, 40), 1) << "a p reaches below the line";
  EXPECT_THAT(*font->Draw(U' ', 40), IsEmpty()) << "there is nothing to see";
  EXPECT_THAT(*font->Draw(U'漢', 40), IsEmpty()) << "the font lacks it";
  const std::string large = *font->Draw(U'H', 80);
  EXPECT_NEAR(BlackIn(large, 80, 0, 80, 0, 80), BlackIn(h, 40, 0, 40, 0, 40), 0.05) << "the same at every size";
}

TEST(GlyphsTest, ClassesAreCharactersAndExamplesAreFaces) {
  const absl::StatusOr<Dataset> dataset = Load("glyphs {}");
  ASSERT_TRUE(dataset.ok()) << dataset.status();
  ASSERT_TRUE(dataset->images.has_value());
  EXPECT_EQ(dataset->images->bytes(), 28 * 28);
  EXPECT_EQ(dataset->split_name, "scripts");
  EXPECT_EQ(dataset->Of(Split::kTrain).size(), 124);
  EXPECT_EQ(dataset->Of(Split::kValid).size(), 33);
  EXPECT_EQ(dataset->Of(Split::kTest).size(), 92);
  EXPECT_THAT(dataset->shared_texts, IsEmpty()) << StatsText(*dataset);
  for (const TextClass& one : dataset->classes) {
    EXPECT_GE(one.texts.size(), 20) << one.name << ": 5 shots and 15 queries";
    for (const std::string& image : one.texts) {
      EXPECT_EQ(image.size(), 784);
    }
  }
  const TextClass& first = dataset->classes[0];
  EXPECT_EQ(first.label, "U+0041");
  EXPECT_EQ(first.name, "LATIN CAPITAL LETTER A");
  EXPECT_EQ(first.texts.size(), 33);
  const std::string stats = StatsText(*dataset);
  EXPECT_THAT(stats, HasSubstr("glyphs: "));
  EXPECT_THAT(stats, HasSubstr("pixels              28 x 28, grey"));
  EXPECT_THAT(ExportText(*dataset), testing::StartsWith("train\tU+0041\tLATIN CAPITAL LETTER A\t0000"));
}

TEST(GlyphsTest, FontsOfOnesOwn) {
  const std::string lists = "split { lists { train: 'U+0041' valid: 'U+0042' test: 'U+0043' } }";
  const absl::StatusOr<Dataset> one = Load(absl::StrCat("glyphs { path: '", kSans, "' size: 8 } ", lists));
  ASSERT_TRUE(one.ok()) << one.status();
  EXPECT_EQ(one->NumTexts(), 3);
  EXPECT_GT(one->unused_texts, 200);
  EXPECT_EQ(one->classes[1].name, "LATIN CAPITAL LETTER B");
  const absl::StatusOr<Dataset> folder =
      Load(absl::StrCat("glyphs { path: '/usr/share/fonts/truetype/freefont' size: 8 } ", lists));
  ASSERT_TRUE(folder.ok()) << folder.status();
  EXPECT_EQ(folder->NumTexts() + folder->dropped_duplicates, 36);
  Write("noise.ttf", "no font");
  EXPECT_EQ(Exported(absl::StrCat("glyphs { path: '$noise.ttf' } ", lists)),
            "noise.ttf: not a font with outlines and Unicode characters that FreeType can read");
  // A font whose outlines are overwritten with other numbers gives an error, not an empty picture.
  std::string damaged = *ReadFile(kSans);
  const size_t entry = damaged.find("glyf");  // in the directory of tables: name, checksum, place, length
  ASSERT_NE(entry, std::string::npos);
  const auto number = [&](size_t at) {
    size_t value = 0;
    for (size_t k = 0; k < 4; ++k) {
      value = value * 256 + static_cast<unsigned char>(damaged[at + k]);
    }
    return value;
  };
  std::fill_n(damaged.begin() + static_cast<int64_t>(number(entry + 8)), number(entry + 12), '\x7f');
  Write("damaged/font.ttf", damaged);
  EXPECT_EQ(Exported(absl::StrCat("glyphs { path: '$damaged' } ", lists)),
            "damaged/font.ttf: FreeType cannot draw the character U+0041; the font is damaged");
  Write("empty/a.txt", "no font");
  EXPECT_EQ(Exported(absl::StrCat("glyphs { path: '$empty' } ", lists)),
            "empty: no font (.ttf or .otf) in this folder");
  EXPECT_EQ(Exported("glyphs {} split { published: 'bao2020' }"),
            "dataset.split.published is 'bao2020'; for the glyphs source there is only scripts");
}

}  // namespace
}  // namespace metaprompt
