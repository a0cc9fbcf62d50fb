#include "datasets/readers/images/font_file.h"

// FreeType's headers must follow this one.
#include <ft2build.h>

#include FT_BBOX_H
#include FT_FREETYPE_H
#include FT_OUTLINE_H

#include <algorithm>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "datasets/readers/packed_file.h"
#include "metaprompt/base/status_macros.h"

namespace metaprompt {

namespace {

constexpr int64_t kMostBytes = int64_t{1} << 28;  // fonts with all Chinese characters have 20 to 100 MB

}  // namespace

struct FontFile::Face {
  std::string path;
  std::string bytes;  // FreeType reads from it as long as the face is open
  FT_Library library = nullptr;
  FT_Face face = nullptr;

  Face() = default;
  Face(const Face&) = delete;
  Face& operator=(const Face&) = delete;
  ~Face() {
    FT_Done_Face(face);  // a null face and a null library are ignored
    FT_Done_FreeType(library);
  }
};

absl::StatusOr<FontFile> FontFile::Open(const std::string& path) {
  auto opened = std::make_shared<Face>();
  opened->path = path;
  ASSIGN_OR_RETURN(opened->bytes, ReadPackedFile(path, kMostBytes));
  if (FT_Init_FreeType(&opened->library) != 0) {
    return absl::InternalError("FreeType cannot be started");
  }
  const FT_Error error =
      FT_New_Memory_Face(opened->library, reinterpret_cast<const FT_Byte*>(opened->bytes.data()),
                         static_cast<FT_Long>(opened->bytes.size()), /*face_index=*/0, &opened->face);
  if (error != 0 || !FT_IS_SCALABLE(opened->face) || FT_Select_Charmap(opened->face, FT_ENCODING_UNICODE) != 0) {
    return absl::InvalidArgumentError(
        absl::StrCat(path, ": not a font with outlines and Unicode characters that FreeType can read"));
  }
  return FontFile(std::move(opened));
}

absl::StatusOr<std::string> FontFile::Draw(char32_t character, int64_t size) const {
  FT_Face face = face_->face;
  const FT_UInt glyph = FT_Get_Char_Index(face, character);
  if (glyph == 0) {
    return "";
  }
  const auto wrong = [&] {
    return absl::InvalidArgumentError(absl::StrCat(face_->path, ": FreeType cannot draw the character ",
                                                   absl::StrFormat("U+%04X", static_cast<uint32_t>(character)),
                                                   "; the font is damaged"));
  };
  if (FT_Set_Pixel_Sizes(face, 0, static_cast<FT_UInt>(size * 3 / 4)) != 0 ||
      FT_Load_Glyph(face, glyph, FT_LOAD_NO_HINTING | FT_LOAD_NO_BITMAP) != 0) {
    return wrong();
  }
  if (face->glyph->format != FT_GLYPH_FORMAT_OUTLINE) {
    return "";
  }
  FT_Outline* outline = &face->glyph->outline;
  FT_BBox box;
  FT_Outline_Get_BBox(outline, &box);
  // In 1/64 of a pixel; the origin of an outline is at the bottom of the picture.
  const auto whole = static_cast<FT_Pos>(size * 64);
  FT_Outline_Translate(outline, (whole - box.xMin - box.xMax) / 2, whole / 4);
  std::string picture(static_cast<size_t>(size * size), '\0');
  FT_Bitmap bitmap = {};
  bitmap.rows = static_cast<unsigned int>(size);
  bitmap.width = static_cast<unsigned int>(size);
  bitmap.pitch = static_cast<int>(size);
  bitmap.buffer = reinterpret_cast<unsigned char*>(picture.data());
  bitmap.num_grays = 256;
  bitmap.pixel_mode = FT_PIXEL_MODE_GRAY;
  if (FT_Outline_Get_Bitmap(face_->library, outline, &bitmap) != 0) {
    return wrong();
  }
  return std::all_of(picture.begin(), picture.end(), [](char c) { return c == '\0'; }) ? "" : picture;
}

}  // namespace metaprompt
