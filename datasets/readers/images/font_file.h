// A font file, and the pictures of its characters as FreeType draws them.
#ifndef DATASETS_READERS_IMAGES_FONT_FILE_H_
#define DATASETS_READERS_IMAGES_FONT_FILE_H_

#include <cstdint>
#include <memory>
#include <string>
#include <utility>

#include "absl/status/statusor.h"

namespace metaprompt {

class FontFile {
 public:
  // Reads the first face of a TrueType, OpenType or other file with outlines, plain or compressed (PackedFile), of at
  // most 256 MiB. Errors name the file.
  static absl::StatusOr<FontFile> Open(const std::string& path);

  // A grey picture, white on black, of `size` x `size` bytes, row by row from the top; `size` is at least 2. Empty if
  // the font lacks the character or draws nothing for it. If FreeType cannot read the character, the error names the
  // file and the character.
  //
  // An em is 3/4 of the picture's height. The baseline of every character is 1/4 of the height above the bottom, and
  // characters are centred horizontally. So "o", "O" and "p" differ in size and height. Parts that do not fit are cut
  // off. Outlines are drawn without hints, so that versions of FreeType hardly differ.
  absl::StatusOr<std::string> Draw(char32_t character, int64_t size) const;

 private:
  struct Face;

  explicit FontFile(std::shared_ptr<Face> face) : face_(std::move(face)) {}

  std::shared_ptr<Face> face_;
};

}  // namespace metaprompt

#endif  // DATASETS_READERS_IMAGES_FONT_FILE_H_
