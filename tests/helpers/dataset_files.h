// Small data files for tests, and the datasets that specs make of them.
#ifndef TESTS_HELPERS_DATASET_FILES_H_
#define TESTS_HELPERS_DATASET_FILES_H_

#include <archive.h>
#include <archive_entry.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "datasets/dataset.h"
#include "datasets/dataset.pb.h"
#include "datasets/sources/load_dataset.h"
#include "google/protobuf/text_format.h"
#include "metaprompt/base/files.h"

namespace metaprompt {

// The test program's folder, with a slash at its end.
inline std::string Folder() { return testing::TempDir() + (absl::EndsWith(testing::TempDir(), "/") ? "" : "/"); }

inline std::string Write(const std::string& name, absl::string_view contents) {
  std::string path = Folder() + name;
  std::filesystem::create_directories(std::filesystem::path(path).parent_path());
  EXPECT_TRUE(WriteFileAtomically(path, contents).ok());
  return path;
}

// Loads a dataset spec in text format, in which $ is the test's folder.
inline absl::StatusOr<Dataset> Load(absl::string_view text) {
  DatasetSpec spec;
  const std::string whole = absl::StrJoin(absl::StrSplit(text, '$'), Folder());
  EXPECT_TRUE(google::protobuf::TextFormat::ParseFromString(whole, &spec)) << whole;
  return LoadDataset(spec);
}

// The export of the dataset, or the error without the folder.
inline std::string Exported(absl::string_view text) {
  const absl::StatusOr<Dataset> dataset = Load(text);
  return dataset.ok() ? ExportText(*dataset)
                      : absl::StrJoin(absl::StrSplit(std::string(dataset.status().message()), Folder()), "");
}

enum class Packing { kTarGz, kTarXz, kZip, kGz, kXz };

// Writes files as an archive (a tar archive also has a folder and a link at its beginning), or one file compressed.
inline void Pack(const std::string& name, Packing packing,
                 const std::vector<std::pair<std::string, std::string>>& files) {
  const std::string path = Folder() + name;
  archive* const writer = archive_write_new();
  const bool tar = packing == Packing::kTarGz || packing == Packing::kTarXz;
  if (packing == Packing::kTarGz || packing == Packing::kGz) {
    archive_write_add_filter_gzip(writer);
  } else if (packing != Packing::kZip) {
    archive_write_add_filter_xz(writer);
  }
  tar                        ? archive_write_set_format_pax_restricted(writer)
  : packing == Packing::kZip ? archive_write_set_format_zip(writer)
                             : archive_write_set_format_raw(writer);
  ASSERT_EQ(archive_write_open_filename(writer, path.c_str()), ARCHIVE_OK) << archive_error_string(writer);
  archive_entry* const entry = archive_entry_new();
  const auto header = [&](const std::string& entry_name, unsigned type, size_t size) {
    archive_entry_clear(entry);
    archive_entry_set_pathname(entry, entry_name.c_str());
    archive_entry_set_filetype(entry, type);
    archive_entry_set_perm(entry, 0644);
    archive_entry_set_size(entry, static_cast<la_int64_t>(size));
    if (type == AE_IFLNK) {
      archive_entry_set_symlink(entry, "/etc/passwd");
    }
    ASSERT_EQ(archive_write_header(writer, entry), ARCHIVE_OK) << archive_error_string(writer);
  };
  if (tar) {
    header("alt.folder/", AE_IFDIR, 0);
    header("alt.folder/link", AE_IFLNK, 0);
  }
  for (const auto& [entry_name, contents] : files) {
    header(entry_name, AE_IFREG, contents.size());
    ASSERT_EQ(archive_write_data(writer, contents.data(), contents.size()), static_cast<la_ssize_t>(contents.size()));
  }
  archive_entry_free(entry);
  ASSERT_EQ(archive_write_free(writer), ARCHIVE_OK);
}

}  // namespace metaprompt

#endif  // TESTS_HELPERS_DATASET_FILES_H_
