// What a source has beside its message in DatasetSpec: the function that reads it and, for a public data set, facts
// about it.
#ifndef DATASETS_SOURCES_SOURCE_INFO_H_
#define DATASETS_SOURCES_SOURCE_INFO_H_

#include <functional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "datasets/readers/texts_by_label.h"
#include "datasets/sources/distribution.h"
#include "datasets/splits/class_split.h"
#include "datasets/splits/published_splits.h"
#include "google/protobuf/descriptor.h"
#include "google/protobuf/message.h"

namespace metaprompt {

struct SourceInfo {
  // The type of its message, and the function that reads the data that such a message describes. SourceReadBy sets
  // both.
  const google::protobuf::Descriptor* message = nullptr;
  std::function<absl::StatusOr<Imported>(const google::protobuf::Message& source, const ImportOptions& options)> load;

  // The name of the data set. Empty: the last part of the `path` in the message.
  std::string dataset_name;
  // Its public distributions. Other numbers of classes and texts are an error, unless the spec allows other counts.
  // Empty: the numbers are not checked.
  absl::Span<const Distribution> distributions;
  // Its classes, in the order of their numbers if published files number them. Empty: not known.
  absl::Span<const PublicClass> classes;
  // The names of its published splits, the default first. Empty: a spec must give a split.
  std::vector<std::string> splits;
  // Whether data may lack some classes of a published split even if the spec does not allow other counts.
  bool classes_may_lack = false;
  // Makes the name of a class that has no name in `classes` and none in the data.
  std::string (*name_of_label)(absl::string_view label) = DefaultName;
  // Reads the published split `name` from files of the data, for sources whose splits are not in `classes`. It checks
  // the name, because `splits` then has only the default. `labels` and `some_may_lack` are as for PublishedSplit.
  // Empty: PublishedSplit is used.
  std::function<absl::StatusOr<ClassPlaces>(const google::protobuf::Message& source, absl::string_view name,
                                            const std::vector<std::string>& labels, bool some_may_lack)>
      read_split;
};

// The SourceInfo of a source that `load` reads, without other facts.
template <typename Message>
SourceInfo SourceReadBy(absl::StatusOr<Imported> (*load)(const Message& source, const ImportOptions& options)) {
  SourceInfo info;
  info.message = Message::descriptor();
  info.load = [load](const google::protobuf::Message& source, const ImportOptions& options) {
    return load(static_cast<const Message&>(source), options);
  };
  return info;
}

}  // namespace metaprompt

#endif  // DATASETS_SOURCES_SOURCE_INFO_H_
