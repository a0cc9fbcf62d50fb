#include "datasets/readers/packed_file.h"

#include <archive_entry.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include "absl/strings/str_cat.h"
#include "metaprompt/base/files.h"
#include "metaprompt/base/status_macros.h"
#include "metaprompt/base/text.h"

namespace metaprompt {
namespace {

constexpr size_t kBlock = 65536;

absl::Status ArchiveError(const std::string& path, archive* reader) {
  const char* what = archive_error_string(reader);
  return absl::InvalidArgumentError(
      absl::StrCat(path, ": ", what != nullptr ? what : "neither text nor an archive in a known format"));
}

}  // namespace

void PackedFile::Close::operator()(archive* reader) const {
  archive_read_free(reader);
  if (fd >= 0) {
    close(fd);
  }
}

absl::StatusOr<PackedFile> PackedFile::OpenAs(bool as_archive, const std::string& path) {
  const int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) {
    return SystemError(path, errno);
  }
  PackedFile file;
  file.path_ = path;
  file.reader_ = std::unique_ptr<archive, Close>(archive_read_new(), Close{fd});
  struct stat info = {};
  if (fstat(fd, &info) == 0 && S_ISDIR(info.st_mode)) {
    return SystemError(path, EISDIR);
  }
  archive* reader = file.reader_.get();
  // Only formats whose first bytes cannot be text, and none for which libarchive starts a program.
  archive_read_support_filter_gzip(reader);
  archive_read_support_filter_bzip2(reader);
  archive_read_support_filter_xz(reader);
  archive_read_support_filter_zstd(reader);
  archive_read_support_filter_lz4(reader);
  archive_read_support_format_zip(reader);
  if (as_archive) {
    archive_read_support_format_tar(reader);
    archive_read_support_format_gnutar(reader);
  } else {
    archive_read_support_format_raw(reader);
    archive_read_support_format_empty(reader);
  }
  if (archive_read_open_fd(reader, fd, kBlock) != ARCHIVE_OK) {
    return ArchiveError(path, reader);
  }
  return file;
}

absl::StatusOr<bool> PackedFile::NextEntry(std::string* name) {
  for (;;) {
    archive_entry* entry = nullptr;
    const int code = archive_read_next_header(reader_.get(), &entry);
    if (code == ARCHIVE_EOF) {
      return false;
    }
    if (code != ARCHIVE_OK && code != ARCHIVE_WARN) {
      return ArchiveError(path_, reader_.get());
    }
    const char* path = archive_entry_pathname(entry);
    if (archive_entry_filetype(entry) == AE_IFREG && archive_entry_hardlink(entry) == nullptr && path != nullptr) {
      *name = path;
      return true;
    }
  }
}

absl::StatusOr<PackedFile> PackedFile::Open(const std::string& path) {
  ASSIGN_OR_RETURN(PackedFile file, OpenAs(/*as_archive=*/false, path));
  std::string name;
  ASSIGN_OR_RETURN(const bool found, file.NextEntry(&name));
  file.at_end_ = !found;
  return file;
}

absl::StatusOr<bool> PackedFile::Read(std::string* out) {
  if (at_end_) {
    return false;
  }
  const size_t before = out->size();
  out->resize(before + kBlock);
  const la_ssize_t count = archive_read_data(reader_.get(), &(*out)[before], kBlock);
  out->resize(before + static_cast<size_t>(count > 0 ? count : 0));
  if (count < 0) {
    return ArchiveError(path_, reader_.get());
  }
  if (count > 0) {
    return true;
  }
  at_end_ = true;
  std::string second;
  ASSIGN_OR_RETURN(const bool found, NextEntry(&second));
  if (found) {
    return absl::InvalidArgumentError(
        absl::StrCat(path_, ": an archive of several files, the second ", Quoted(second), "; unpack it"));
  }
  return false;
}

absl::StatusOr<Archive> Archive::Open(const std::string& path) {
  ASSIGN_OR_RETURN(PackedFile file, PackedFile::OpenAs(/*as_archive=*/true, path));
  return Archive(std::move(file));
}

absl::StatusOr<std::string> Archive::Contents(int64_t max_bytes) {
  std::string bytes;
  for (;;) {
    const size_t before = bytes.size();
    bytes.resize(before + kBlock);
    const la_ssize_t count = archive_read_data(file_.reader_.get(), &bytes[before], kBlock);
    bytes.resize(before + static_cast<size_t>(count > 0 ? count : 0));
    if (count < 0) {
      return ArchiveError(file_.path_, file_.reader_.get());
    }
    if (static_cast<int64_t>(bytes.size()) > max_bytes) {
      return absl::InvalidArgumentError(
          absl::StrCat(file_.path_, ": it holds a file of more than ", max_bytes, " bytes"));
    }
    if (count == 0) {
      return bytes;
    }
  }
}

absl::StatusOr<std::string> ReadPackedFile(const std::string& path, int64_t max_bytes) {
  ASSIGN_OR_RETURN(PackedFile file, PackedFile::Open(path));
  std::string bytes;
  for (;;) {
    ASSIGN_OR_RETURN(const bool more, file.Read(&bytes));
    if (static_cast<int64_t>(bytes.size()) > max_bytes) {
      return absl::InvalidArgumentError(absl::StrCat(path, ": more than ", max_bytes, " bytes"));
    }
    if (!more) {
      return bytes;
    }
  }
}

}  // namespace metaprompt
