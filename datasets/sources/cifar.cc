#include "datasets/sources/cifar.h"

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"
#include "absl/strings/strip.h"
#include "datasets/dataset.pb.h"
#include "datasets/image_shape.h"
#include "datasets/readers/bad_lines.h"
#include "datasets/readers/source_files.h"
#include "metaprompt/base/status_macros.h"

namespace metaprompt {
namespace {

constexpr int64_t kLargestFile = int64_t{1} << 28;  // train.bin of CIFAR-100 has 154 MB
constexpr ImageShape kShape = {3, 32, 32};

constexpr Distribution kDistributions[] = {
    {"CIFAR-10", 10, 60000},   {"CIFAR-10, training images", 10, 50000},   {"CIFAR-10, test images", 10, 10000},
    {"CIFAR-100", 100, 60000}, {"CIFAR-100, training images", 100, 50000}, {"CIFAR-100, test images", 100, 10000},
};

// How the two are stored.
struct Version {
  const char* names;   // the file with the names of classes, one per line
  size_t label_bytes;  // of a record, before the image; the last one is the label
  const char* train;   // how the names of files with training images begin
  const char* test;
};

constexpr Version kCifar10 = {"batches.meta.txt", 1, "data_batch_", "test_batch"};
constexpr Version kCifar100 = {"fine_label_names.txt", 2, "train", "test"};

using Files = std::map<std::string, std::string>;  // contents by name, without folders

std::vector<std::string> NamesIn(const std::string& contents) {
  std::vector<std::string> names;
  for (const absl::string_view line : absl::StrSplit(contents, '\n')) {
    if (const absl::string_view name = absl::StripAsciiWhitespace(line); !name.empty()) {
      names.emplace_back(name);
    }
  }
  return names;
}

// Adds the records of a file, whose name for errors is `where`.
absl::Status AddRecords(const Version& version, const std::string& where, const std::string& contents,
                        const std::vector<std::string>& names, Imported* imported) {
  const size_t record = version.label_bytes + static_cast<size_t>(kShape.bytes());
  if (contents.empty() || contents.size() % record != 0) {
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

absl::StatusOr<Imported> LoadCifar(const CifarSource& source, const ImportOptions& options) {
  if (source.has_part() && source.part().side() == PartSpec::VALID) {
    return absl::InvalidArgumentError("dataset.cifar.part.side is VALID; CIFAR has TRAIN and TEST");
  }
  Files files;
  RETURN_IF_ERROR(ForEachFile(
      source.path(), kLargestFile,
      [](absl::string_view name) {
        return absl::EndsWith(name, ".bin") || absl::EndsWith(name, kCifar10.names) ||
               absl::EndsWith(name, kCifar100.names);
      },
      [&](const std::string& name, const std::string& contents) {
        files[name.substr(name.rfind('/') + 1)] = contents;
        return absl::OkStatus();
      }));
  const Version* const version = files.count(kCifar10.names) > 0    ? &kCifar10
                                 : files.count(kCifar100.names) > 0 ? &kCifar100
                                                                    : nullptr;
  if (version == nullptr) {
    return absl::NotFoundError(absl::StrCat(source.path(), ": neither ", kCifar10.names, " (CIFAR-10) nor ",
                                            kCifar100.names, " (CIFAR-100) is there"));
  }
  const std::vector<std::string> names = NamesIn(files[version->names]);
  Imported imported;
  imported.images = kShape;
  for (const auto& [name, contents] : files) {
    const bool train = absl::StartsWith(name, version->train);
    const bool test = absl::StartsWith(name, version->test);
    const bool wanted = !source.has_part() ? train || test : source.part().side() == PartSpec::TRAIN ? train : test;
    if (wanted && absl::EndsWith(name, ".bin")) {
      RETURN_IF_ERROR(AddRecords(*version, absl::StrCat(source.path(), "/", name), contents, names, &imported));
    }
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
