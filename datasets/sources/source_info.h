// What the program has to know of a source, beside its message in DatasetSpec: what reads it, and the facts of a public
// data set, where it is one.
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
  // The type of its message, and what reads the texts that such a message describes. Both are required; SourceReadBy
  // sets them.
  const google::protobuf::Descriptor* message = nullptr;
  std::function<absl::StatusOr<Imported>(const google::protobuf::Message& source, const ImportOptions& options)> load;

  // What the data set is called. Empty: the last part of the message's `path`.
  std::string dataset_name;
  // Its public distributions. Data with other numbers of classes and texts are refused, unless the spec allows other
  // counts. Empty: the numbers are not checked.
  absl::Span<const Distribution> distributions;
  // Its classes, in the order of their numbers where published files number them. Empty: any labels.
  absl::Span<const PublicClass> classes;
  // The names of its published splits, the default first. Empty: a spec must give a split.
  std::vector<std::string> splits;
  // Whether data may lack some classes of a published split even if the spec does not allow other counts.
  bool classes_may_lack = false;
  // Names a class to which neither `classes` nor the data give a name.
  std::string (*name_of_label)(absl::string_view label) = DefaultName;
  // Reads the published split `name` from the data's own files, for a source whose splits stand there and not in
  // `classes`; it checks the name, and `splits` has the default alone. `labels` and `some_may_lack` are as for
  // PublishedSplit. Empty: PublishedSplit.
  std::function<absl::StatusOr<ClassPlaces>(const google::protobuf::Message& source, absl::string_view name,
                                            const std::vector<std::string>& labels, bool some_may_lack)>
      read_split;
};

// A source that `load` reads, without facts: for files of any content, all that there is to say.
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
