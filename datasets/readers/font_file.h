// A font file, and the pictures of its characters as FreeType draws them.
#ifndef DATASETS_READERS_FONT_FILE_H_
#define DATASETS_READERS_FONT_FILE_H_

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
  // the font lacks the character or shows nothing for it. A character that FreeType cannot read is an error, which
  // names the file and the character.
  //
  // An em is 3/4 of the picture. All characters stand on one line, 1/4 above the bottom, and in the middle between left
  // and right, so that "o", "O" and "p" differ in size and height. What does not fit is cut off. Outlines are drawn
  // without hints, so that versions of FreeType hardly differ.
  absl::StatusOr<std::string> Draw(char32_t character, int64_t size) const;

 private:
  struct Face;

  explicit FontFile(std::shared_ptr<Face> face) : face_(std::move(face)) {}

  std::shared_ptr<Face> face_;
};

}  // namespace metaprompt

#endif  // DATASETS_READERS_FONT_FILE_H_
