// Compressed files and archives of files, read piece by piece.
#ifndef DATASETS_READERS_PACKED_FILE_H_
#define DATASETS_READERS_PACKED_FILE_H_

#include <archive.h>

#include <cstdint>
#include <memory>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace metaprompt {

// A file, plain or compressed (gzip, bzip2, xz, zstd, lz4), or the only file of a zip archive. The format is recognised
// by the first bytes, not by the name. Memory: that of the decompressor.
class PackedFile {
 public:
  // Errors name the path.
  static absl::StatusOr<PackedFile> Open(const std::string& path);

  // Appends about 64 KiB of the uncompressed bytes; false at the end.
  absl::StatusOr<bool> Read(std::string* out);

 private:
  friend class Archive;

  // Frees the reader and closes the file.
  struct Close {
    int fd;
    void operator()(archive* reader) const;
  };

  PackedFile() = default;

  // `as_archive`: the file is an archive of files; otherwise it is a single file.
  static absl::StatusOr<PackedFile> OpenAs(bool as_archive, const std::string& path);

  // Moves to the next regular file; false at the end.
  absl::StatusOr<bool> NextEntry(std::string* name);

  std::string path_;
  std::unique_ptr<archive, Close> reader_{nullptr, Close{-1}};
  bool at_end_ = false;
};

// The regular files of a tar or zip archive, in the archive's order. The archive may be compressed in the same ways as
// a PackedFile.
class Archive {
 public:
  static absl::StatusOr<Archive> Open(const std::string& path);

  // Moves to the next file and gives its path inside the archive; false at the end.
  absl::StatusOr<bool> Next(std::string* name) { return file_.NextEntry(name); }

  // The bytes of the current file; call it once per file. A file of more than `max_bytes` is an error.
  absl::StatusOr<std::string> Contents(int64_t max_bytes);

 private:
  explicit Archive(PackedFile file) : file_(std::move(file)) {}

  PackedFile file_;
};

// The uncompressed bytes of a PackedFile. More than `max_bytes` are an error.
absl::StatusOr<std::string> ReadPackedFile(const std::string& path, int64_t max_bytes);

}  // namespace metaprompt

#endif  // DATASETS_READERS_PACKED_FILE_H_
