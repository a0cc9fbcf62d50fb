// Makes folders of weights for tests, and reads them completely.
#ifndef TESTS_HELPERS_WEIGHT_FOLDERS_H_
#define TESTS_HELPERS_WEIGHT_FOLDERS_H_

#include <ATen/core/Tensor.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <memory>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "metaprompt/base/files.h"
#include "metaprompt/checkpoints/weights.h"

namespace metaprompt {

constexpr char kWeightGoldens[] = "tests/goldens/weights/";

// A new folder, empty.
inline std::string NewFolder(const std::string& name) {
  const std::string folder = absl::StrCat(::testing::TempDir(), "/weights_test-", getpid(), "-", name);
  std::filesystem::remove_all(folder);
  std::filesystem::create_directories(folder);
  return folder;
}

inline std::string ReadOrDie(const std::string& path) {
  const absl::StatusOr<std::string> bytes = ReadFile(path);
  EXPECT_TRUE(bytes.ok()) << bytes.status();
  return bytes.value_or("");
}

inline void WriteOrDie(const std::string& path, absl::string_view bytes) {
  const absl::Status status = WriteFileAtomically(path, bytes);
  EXPECT_TRUE(status.ok()) << status;
}

// The error of opening the folder and reading each tensor, or "no error".
inline std::string FolderError(const std::string& folder) {
  const absl::StatusOr<std::unique_ptr<Weights>> weights = Weights::Open(folder);
  if (!weights.ok()) {
    return std::string(weights.status().message());
  }
  for (const StoredTensor& stored : (*weights)->tensors()) {
    const absl::StatusOr<at::Tensor> tensor = (*weights)->Read(stored.name);
    if (!tensor.ok()) {
      return std::string(tensor.status().message());
    }
  }
  return "no error";
}

}  // namespace metaprompt

#endif  // TESTS_HELPERS_WEIGHT_FOLDERS_H_
