#include "datasets/sources/images/cifar.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "datasets/dataset.pb.h"
#include "datasets/image_shape.h"
#include "datasets/readers/bad_lines.h"
#include "datasets/readers/lines.h"
#include "datasets/readers/source_files.h"
#include "metaprompt/base/status_macros.h"
#include "metaprompt/base/text.h"

namespace metaprompt {
namespace {

constexpr int64_t kMostBytes = int64_t{1} << 28;  // of all files together; the files of either version have 184 MB
constexpr ImageShape kShape = {3, 32, 32};

constexpr Distribution kDistributions[] = {
    {"CIFAR-10", 10, 60000},   {"CIFAR-10, training images", 10, 50000},   {"CIFAR-10, test images", 10, 10000},
    {"CIFAR-100", 100, 60000}, {"CIFAR-100, training images", 100, 50000}, {"CIFAR-100, test images", 100, 10000},
};

// How CIFAR-10 or CIFAR-100 is stored.
struct Version {
  const char* names;                          // the file with the names of classes, one per line
  size_t label_bytes;                         // of a record, before the image; the last one is the label
  absl::Span<const absl::string_view> train;  // the files with training images
  absl::string_view test;                     // the file with test images

  bool IsTrain(absl::string_view file) const { return std::find(train.begin(), train.end(), file) != train.end(); }
  bool Has(absl::string_view file) const { return file == names || file == test || IsTrain(file); }
};

constexpr absl::string_view kTrain10[] = {"data_batch_1.bin", "data_batch_2.bin", "data_batch_3.bin",
                                          "data_batch_4.bin", "data_batch_5.bin"};
constexpr absl::string_view kTrain100[] = {"train.bin"};
constexpr Version kCifar10 = {"batches.meta.txt", 1, kTrain10, "test_batch.bin"};
constexpr Version kCifar100 = {"fine_label_names.txt", 2, kTrain100, "test.bin"};

using Files = std::map<std::string, std::string>;  // contents by name, without folders

// `where`: the file's name for errors. Only blank lines at the end are allowed, since a label is the number of a line.
absl::StatusOr<std::vector<std::string>> NamesIn(absl::string_view contents, const std::string& where) {
  std::vector<std::string> names;
  Lines lines(absl::StripTrailingAsciiWhitespace(contents), where);
  while (lines.Next()) {
    std::string name(absl::StripAsciiWhitespace(lines.line()));
    if (name.empty() || std::find(names.begin(), names.end(), name) != names.end()) {
      return lines.Error(absl::StrCat(
          name.empty() ? "the line is blank" : absl::StrCat("the name ", Quoted(name), " is given a second time"),
          "; each line must have the name of another class"));
    }
    names.push_back(std::move(name));
  }
  RETURN_IF_ERROR(lines.status());
  return names;
}

// Adds the records of a file, whose name for errors is `where`.
absl::Status AddRecords(const Version& version, const std::string& where, const std::string& contents,
                        const std::vector<std::string>& names, Imported* imported) {
  const size_t record = version.label_bytes + static_cast<size_t>(kShape.bytes());
  if (contents.empty()) {
    return absl::InvalidArgumentError(absl::StrCat(where, ": the file is empty"));
  }
  if (contents.size() % record != 0) {
    return absl::InvalidArgumentError(absl::StrCat(where, ": ", contents.size(),
                                                   " bytes are not a whole number of records of ", record,
                                                   " bytes; the file is cut short or of another kind"));
  }
  for (size_t at = 0; at < contents.size(); at += record) {
    const auto label = static_cast<unsigned char>(contents[at + version.label_bytes - 1]);
    if (label >= names.size()) {
      return absl::InvalidArgumentError(absl::StrCat(where, ": record ", at / record + 1, " has the label ", label,
                                                     ", and ", version.names, " has ", names.size(), " names"));
    }
    imported->Add(names[label], contents.substr(at + version.label_bytes, static_cast<size_t>(kShape.bytes())));
  }
  return absl::OkStatus();
}

// The publisher's files at `path`, a folder or an archive.
absl::StatusOr<Files> ReadFiles(const std::string& path) {
  Files files;
  int64_t bytes = 0;
  RETURN_IF_ERROR(ForEachFile(
      path, kMostBytes,
      [](absl::string_view name) { return kCifar10.Has(WithoutFolders(name)) || kCifar100.Has(WithoutFolders(name)); },
      [&](const std::string& name, std::string contents) {
        bytes += static_cast<int64_t>(contents.size());
        if (bytes > kMostBytes) {
          return absl::InvalidArgumentError(absl::StrCat(path, ": its files have more than ", kMostBytes, " bytes"));
        }
        const std::string file(WithoutFolders(name));
        return files.emplace(file, std::move(contents)).second
                   ? absl::OkStatus()
                   : absl::InvalidArgumentError(absl::StrCat(path, ": two files are called ", file));
      }));
  return files;
}

absl::StatusOr<Imported> LoadCifar(const CifarSource& source, const ImportOptions& options) {
  if (source.has_part() && source.part().side() == PartSpec::VALID) {
    return absl::InvalidArgumentError("dataset.cifar.part.side is VALID; CIFAR has TRAIN and TEST");
  }
  ASSIGN_OR_RETURN(Files files, ReadFiles(source.path()));
  const Version* const version = files.count(kCifar10.names) > 0    ? &kCifar10
                                 : files.count(kCifar100.names) > 0 ? &kCifar100
                                                                    : nullptr;
  if (version == nullptr) {
    return absl::NotFoundError(absl::StrCat(source.path(), ": neither ", kCifar10.names, " (CIFAR-10) nor ",
                                            kCifar100.names, " (CIFAR-100) is there"));
  }
  ASSIGN_OR_RETURN(const std::vector<std::string> names,
                   NamesIn(files[version->names], absl::StrCat(source.path(), "/", version->names)));
  Imported imported;
  imported.images = kShape;
  for (auto& [name, contents] : files) {
    const bool train = version->IsTrain(name);
    const bool test = name == version->test;
    if (!source.has_part() ? train || test : source.part().side() == PartSpec::TRAIN ? train : test) {
      RETURN_IF_ERROR(AddRecords(*version, absl::StrCat(source.path(), "/", name), contents, names, &imported));
    }
    contents = std::string();  // frees the file, whose images have been copied
  }
  RETURN_IF_ERROR(imported.Finish(BadLines(), options, absl::StrCat(source.path(), " (its *.bin)")));
  return imported;
}

}  // namespace

SourceInfo CifarSourceInfo() {
  SourceInfo info = SourceReadBy(LoadCifar);
  info.distributions = kDistributions;
  return info;
}

}  // namespace metaprompt
