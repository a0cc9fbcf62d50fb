#include "datasets/sources/images/glyphs.h"

#include <unicode/uchar.h>

#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/strip.h"
#include "datasets/dataset.pb.h"
#include "datasets/image_shape.h"
#include "datasets/readers/bad_lines.h"
#include "datasets/readers/images/font_file.h"
#include "datasets/readers/source_files.h"
#include "datasets/splits/published_splits.h"
#include "metaprompt/base/status_macros.h"

namespace metaprompt {
namespace {

constexpr char kScripts[] = "scripts";

struct Script {
  Split split;
  std::u32string_view letters;
};

// A letter that looks like an earlier one in any of the fonts is left out.
constexpr Script kLetters[] = {
    {Split::kTrain, U"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"},
    {Split::kTrain, U"ΓΔΘΛΞΠΣΦΨΩαβγδεζηθικλμξπρςστυφχψω"},
    {Split::kTrain, U"БДЖЗИЙЛУЦЧШЩЪЫЬЭЮЯбвгджзйлмнфцчшщъыьэюя"},
    {Split::kValid, U"აბგდევზთიკლმნოპჟრსტუფქღყშჩცძწჭხჯჰ"},
    {Split::kTest, U"ԱԲԳԴԵԶԷԸԹԺԻԽԾԿՀՁՂՃՄՅՆՇՈՉՊՋՌՎՐՑՒՔՖաբգդեզէըթժիլխծկձղճմյնշչպջռվրւփքֆ"},
    {Split::kTest, U"אבגדהוזחטיךכלםמןנסעףפץצקרשת"},
};

constexpr char kFolder[] = "/usr/share/fonts/truetype/";

struct Family {
  const char* package;
  const char* folder;
  std::vector<const char*> faces;
};

const std::vector<Family>& Families() {
  static const auto& families = *new std::vector<Family>{
      {"fonts-dejavu-core",
       "dejavu/",
       {"DejaVuSans", "DejaVuSans-Bold", "DejaVuSansMono", "DejaVuSansMono-Bold", "DejaVuSerif", "DejaVuSerif-Bold"}},
      {"fonts-dejavu-extra",
       "dejavu/",
       {"DejaVuSans-BoldOblique", "DejaVuSans-ExtraLight", "DejaVuSans-Oblique", "DejaVuSansCondensed",
        "DejaVuSansCondensed-Bold", "DejaVuSansCondensed-BoldOblique", "DejaVuSansCondensed-Oblique",
        "DejaVuSansMono-BoldOblique", "DejaVuSansMono-Oblique", "DejaVuSerif-BoldItalic", "DejaVuSerif-Italic",
        "DejaVuSerifCondensed", "DejaVuSerifCondensed-Bold", "DejaVuSerifCondensed-BoldItalic",
        "DejaVuSerifCondensed-Italic"}},
      {"fonts-freefont-ttf",
       "freefont/",
       {"FreeMono", "FreeMonoBold", "FreeMonoBoldOblique", "FreeMonoOblique", "FreeSans", "FreeSansBold",
        "FreeSansBoldOblique", "FreeSansOblique", "FreeSerif", "FreeSerifBold", "FreeSerifBoldItalic",
        "FreeSerifItalic"}},
  };
  return families;
}

std::string LabelOf(char32_t letter) { return absl::StrFormat("U+%04X", static_cast<uint32_t>(letter)); }

// "LATIN CAPITAL LETTER A" for "U+0041".
std::string NameOfLabel(absl::string_view label) {
  uint32_t letter = 0;
  char name[128] = "";
  UErrorCode error = U_ZERO_ERROR;
  if (absl::ConsumePrefix(&label, "U+") && absl::SimpleHexAtoi(label, &letter)) {
    u_charName(static_cast<UChar32>(letter), U_UNICODE_CHAR_NAME, name, sizeof(name), &error);
  }
  return name;
}

// The error for a missing font also names its Debian package.
absl::StatusOr<std::vector<FontFile>> InstalledFonts() {
  std::vector<FontFile> fonts;
  for (const Family& family : Families()) {
    for (const char* const face : family.faces) {
      absl::StatusOr<FontFile> font = FontFile::Open(absl::StrCat(kFolder, family.folder, face, ".ttf"));
      if (absl::IsNotFound(font.status())) {
        return absl::NotFoundError(absl::StrCat(font.status().message(), "; install the Debian package ",
                                                family.package, ", or give dataset.glyphs.path"));
      }
      RETURN_IF_ERROR(font);
      fonts.push_back(*std::move(font));
    }
  }
  return fonts;
}

// Adds a font file, or the fonts of a folder in byte order of their names.
absl::Status AddFonts(const std::string& path, std::vector<FontFile>* fonts) {
  if (!IsFolder(path)) {
    ASSIGN_OR_RETURN(FontFile font, FontFile::Open(path));
    fonts->push_back(std::move(font));
    return absl::OkStatus();
  }
  ASSIGN_OR_RETURN(const std::vector<std::string> files, FilesIn(path));
  const size_t before = fonts->size();
  for (const std::string& file : files) {
    if (absl::EndsWith(file, ".ttf") || absl::EndsWith(file, ".otf")) {
      ASSIGN_OR_RETURN(FontFile font, FontFile::Open(absl::StrCat(path, "/", file)));
      fonts->push_back(std::move(font));
    }
  }
  return fonts->size() > before ? absl::OkStatus()
                                : absl::NotFoundError(absl::StrCat(path, ": no font (.ttf or .otf) in this folder"));
}

absl::StatusOr<Imported> LoadGlyphs(const GlyphsSource& source, const ImportOptions& options) {
  std::vector<FontFile> fonts;
  if (source.path().empty()) {
    ASSIGN_OR_RETURN(fonts, InstalledFonts());
  }
  for (const std::string& path : source.path()) {
    RETURN_IF_ERROR(AddFonts(path, &fonts));
  }
  Imported imported;
  imported.images = ImageShape{1, source.size(), source.size()};
  for (const Script& script : kLetters) {
    for (const char32_t letter : script.letters) {
      for (const FontFile& font : fonts) {
        ASSIGN_OR_RETURN(std::string picture, font.Draw(letter, source.size()));
        if (!picture.empty()) {
          imported.Add(LabelOf(letter), std::move(picture));
        }
      }
    }
  }
  RETURN_IF_ERROR(imported.Finish(BadLines(), options, "dataset.glyphs.path"));
  return imported;
}

absl::StatusOr<ClassPlaces> ReadScripts(const google::protobuf::Message& /*source*/, absl::string_view name,
                                        const std::vector<std::string>& labels, bool /*some_may_lack*/) {
  if (name != kScripts) {
    return NoSuchSplit("glyphs", name, {kScripts});
  }
  ClassPlaces places;
  for (const Script& script : kLetters) {
    for (const char32_t letter : script.letters) {
      const std::string label = LabelOf(letter);
      if (std::binary_search(labels.begin(), labels.end(), label)) {
        places[label] = {NameOfLabel(label), script.split};
      }
    }
  }
  RETURN_IF_ERROR(CheckSides(places, absl::StrCat("the split '", kScripts, "' of these fonts")));
  return places;
}

}  // namespace

SourceInfo GlyphsSourceInfo() {
  SourceInfo info = SourceReadBy(LoadGlyphs);
  info.dataset_name = "glyphs";
  info.splits = {kScripts};
  info.classes_may_lack = true;
  info.name_of_label = NameOfLabel;
  info.read_split = ReadScripts;
  return info;
}

}  // namespace metaprompt
