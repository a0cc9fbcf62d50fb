#include "datasets/sources/load_dataset.h"

#include <algorithm>
#include <string>
#include <unordered_set>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/string_view.h"
#include "absl/strings/strip.h"
#include "datasets/readers/likely_format.h"
#include "datasets/readers/texts_by_label.h"
#include "datasets/shared_texts.h"
#include "datasets/sources/distribution.h"
#include "datasets/sources/source_info.h"
#include "datasets/sources/sources.h"
#include "datasets/splits/class_split.h"
#include "datasets/splits/published_splits.h"
#include "datasets/text_names.h"
#include "google/protobuf/descriptor.h"
#include "google/protobuf/message.h"
#include "metaprompt/base/likely_cause.h"
#include "metaprompt/base/status_macros.h"
#include "metaprompt/base/text.h"
#include "metaprompt/specs/field_rules.h"

namespace metaprompt {
namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;

// The source that a spec chooses.
struct ChosenSource {
  std::string field;  // of DatasetSpec: "huffpost"
  const Message* message = nullptr;
  const SourceInfo* info = nullptr;
};

absl::StatusOr<ChosenSource> SourceOf(const DatasetSpec& spec) {
  const FieldDescriptor* const field = DatasetSpec::descriptor()->FindFieldByNumber(spec.source_case());
  if (field == nullptr) {
    return absl::InvalidArgumentError("dataset: no source");
  }
  const SourceInfo* const info = FindSource(*field->message_type());
  if (info == nullptr) {
    return absl::UnimplementedError(
        absl::StrCat("dataset.", field->name(), ": the source has no row in datasets/sources/sources.cc"));
  }
  return ChosenSource{field->name(), &spec.GetReflection()->GetMessage(spec, field), info};
}

// The source's `path`, or the first of several paths. Empty: the source has no path.
std::string FirstPath(const Message& source) {
  const FieldDescriptor* const field = source.GetDescriptor()->FindFieldByName("path");
  if (field == nullptr || field->cpp_type() != FieldDescriptor::CPPTYPE_STRING) {
    return "";
  }
  if (!field->is_repeated()) {
    return source.GetReflection()->GetString(source, field);
  }
  return source.GetReflection()->FieldSize(source, field) == 0
             ? ""
             : source.GetReflection()->GetRepeatedString(source, field, 0);
}

// The last part of the first path.
std::string FileName(const Message& source) {
  const std::string whole = FirstPath(source);
  const absl::string_view path = absl::StripSuffix(whole, "/");
  const size_t slash = path.rfind('/');
  return std::string(slash == absl::string_view::npos ? path : path.substr(slash + 1));
}

std::string DatasetName(const ChosenSource& source) {
  std::string name = source.info->dataset_name.empty() ? FileName(*source.message) : source.info->dataset_name;
  return name.empty() ? source.field : OneLine(name);
}

// The published split that `spec` names, or the default one if it names none. Empty: the spec gives the split.
std::string SplitNameOf(const DatasetSpec& spec, const SourceInfo& info) {
  if (spec.has_split()) {
    return spec.split().published();
  }
  return info.splits.empty() ? "" : info.splits[0];
}

// Finds the errors of the split that can be found before the source is read, which may take long.
absl::Status CheckSplit(const DatasetSpec& spec, const ChosenSource& source) {
  const std::vector<std::string>& splits = source.info->splits;
  if (!spec.has_split()) {
    return splits.empty() ? SplitClasses(spec.split(), {}).status() : absl::OkStatus();
  }
  const std::string& published = spec.split().published();
  if (spec.split().has_published() && source.info->read_split == nullptr &&
      std::find(splits.begin(), splits.end(), published) == splits.end()) {
    return NoSuchSplit(source.field, published, splits);
  }
  return absl::OkStatus();
}

// The places of all classes without a class split.
ClassPlaces AllClasses(const SourceInfo& info, const Imported& imported) {
  ClassPlaces places;
  for (const auto& [label, its_texts] : imported.texts) {
    const auto name = imported.names.find(label);
    places[label] = {name != imported.names.end() ? name->second : ClassName(info.classes, label, info.name_of_label),
                     Split::kTrain};
  }
  return places;
}

absl::StatusOr<ClassPlaces> Places(const DatasetSpec& spec, const ChosenSource& source, const Imported& imported) {
  std::vector<std::string> labels;
  labels.reserve(imported.texts.size());
  for (const auto& [label, its_texts] : imported.texts) {
    labels.push_back(label);
  }
  const SourceInfo& info = *source.info;
  if (const std::string published = SplitNameOf(spec, info); !published.empty()) {
    const bool some_may_lack = info.classes_may_lack || spec.allow_other_counts();
    return info.read_split != nullptr ? info.read_split(*source.message, published, labels, some_may_lack)
                                      : PublishedSplit(info.classes, published, labels, some_may_lack);
  }
  ASSIGN_OR_RETURN(ClassPlaces places, SplitClasses(spec.split(), labels));
  if (spec.split().has_file()) {
    return places;  // the file names the classes
  }
  for (auto& [label, place] : places) {
    const auto name = imported.names.find(label);
    place.name = name != imported.names.end() ? name->second : ClassName(info.classes, label, info.name_of_label);
  }
  return places;
}

// Keeps the first of equal texts. Returns the number of texts that it dropped.
int64_t DropDuplicates(std::vector<std::string>* texts) {
  std::unordered_set<std::string> seen;
  seen.reserve(texts->size());
  std::vector<std::string> kept;
  kept.reserve(texts->size());
  for (std::string& text : *texts) {
    if (seen.insert(text).second) {
      kept.push_back(std::move(text));
    }
  }
  const size_t dropped = texts->size() - kept.size();
  *texts = std::move(kept);
  return static_cast<int64_t>(dropped);
}

// `split`: whether the spec's class split is applied.
absl::StatusOr<Dataset> Load(const DatasetSpec& spec, bool split) {
  if (const std::vector<std::string> broken = BrokenRules(spec); !broken.empty()) {
    return absl::InvalidArgumentError(absl::StrCat("dataset: ", absl::StrJoin(broken, "; ")));
  }
  RETURN_IF_ERROR(CheckTextNames(spec));
  ASSIGN_OR_RETURN(const ChosenSource source, SourceOf(spec));
  Dataset dataset;
  dataset.name = DatasetName(source);
  dataset.text_names = TextNames(spec);
  if (split) {
    RETURN_IF_ERROR(CheckSplit(spec, source));
    dataset.split_name = SplitNameOf(spec, *source.info);
  }
  ImportOptions options;
  options.skip_bad_lines = spec.skip_bad_lines();
  options.max_words = spec.max_words();
  absl::StatusOr<Imported> loaded = source.info->load(*source.message, options);
  if (!loaded.ok()) {
    const std::string& tried = source.field;
    const bool own_file = tried == "tsv" || tried == "jsonl" || tried == "csv";
    return WithLikelyCause(loaded.status(), FirstPath(*source.message), [&](absl::string_view beginning) {
      return own_file ? LikelyFormat(beginning, tried) : std::string();
    });
  }
  Imported imported = *std::move(loaded);
  if (absl::StatusOr<std::string> known =
          DistributionWith(source.info->distributions, static_cast<int64_t>(imported.texts.size()), imported.records);
      known.ok()) {
    dataset.distribution = *std::move(known);
  } else if (!spec.allow_other_counts()) {
    return absl::InvalidArgumentError(absl::StrCat(dataset.name, ": ", known.status().message()));
  }
  dataset.images = imported.images;
  dataset.empty_texts = imported.empty_texts;
  dataset.skipped_bad_lines = imported.bad_lines;
  ClassPlaces places;
  if (split) {
    ASSIGN_OR_RETURN(places, Places(spec, source, imported));
  } else {
    places = AllClasses(*source.info, imported);
  }
  for (auto& [label, its_texts] : imported.texts) {
    const auto place = places.find(label);
    if (place == places.end()) {
      dataset.unused_texts += static_cast<int64_t>(its_texts.size());
      continue;
    }
    if (!IsPrintable(label)) {
      return absl::InvalidArgumentError(absl::StrCat(FirstPath(*source.message), ": the label ", Quoted(label),
                                                     " has a control character; remove it"));
    }
    if (spec.drop_duplicates()) {
      dataset.dropped_duplicates += DropDuplicates(&its_texts);
    }
    dataset.classes.push_back({label, place->second.name, place->second.split, std::move(its_texts)});
  }
  FindSharedTexts(&dataset);
  return dataset;
}

}  // namespace

absl::StatusOr<Dataset> LoadDataset(const DatasetSpec& spec) { return Load(spec, /*split=*/true); }

absl::StatusOr<Dataset> LoadAllClasses(const DatasetSpec& spec) { return Load(spec, /*split=*/false); }

}  // namespace metaprompt
