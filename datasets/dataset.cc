#include "datasets/dataset.h"

#include <unordered_set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/string_view.h"
#include "datasets/class_split.h"
#include "datasets/debian.h"
#include "datasets/debian_classes.h"
#include "datasets/jsonl.h"
#include "datasets/texts_by_label.h"
#include "datasets/tsv.h"
#include "metaprompt/base/files.h"
#include "metaprompt/base/spec_fields.h"

namespace metaprompt {
namespace {

std::string FileName(absl::string_view path) {
  const size_t slash = path.rfind('/');
  return std::string(slash == absl::string_view::npos ? path : path.substr(slash + 1));
}

absl::StatusOr<TextsByLabel> LoadSource(const DatasetSpec& spec, std::string* name) {
  switch (spec.source_case()) {
    case DatasetSpec::kDebian:
      *name = "debian";
      return LoadDebian(spec.debian());
    case DatasetSpec::kTsv:
      *name = FileName(spec.tsv().path());
      return LoadTsv(spec.tsv());
    case DatasetSpec::kJsonl:
      *name = FileName(spec.jsonl().path());
      return LoadJsonl(spec.jsonl());
    case DatasetSpec::SOURCE_NOT_SET:
      break;
  }
  return absl::InvalidArgumentError("dataset: no source");
}

absl::StatusOr<ClassPlaces> DebianPlaces(const TextsByLabel& texts) {
  ClassPlaces places;
  for (const DebianClass& known : kDebianClasses) {
    if (texts.count(known.section) > 0) {
      places[known.section] = {known.name, known.split};
    }
  }
  if (absl::Status status = CheckSides(places, "debian's own split, in this index"); !status.ok()) {
    return status;
  }
  return places;
}

absl::StatusOr<ClassPlaces> Places(const DatasetSpec& spec, const TextsByLabel& texts) {
  if (spec.has_debian() && !spec.has_split()) {
    return DebianPlaces(texts);
  }
  std::vector<std::string> labels;
  labels.reserve(texts.size());
  for (const auto& [label, its_texts] : texts) {
    labels.push_back(label);
  }
  absl::StatusOr<ClassPlaces> places = SplitClasses(spec.split(), labels);
  if (places.ok() && spec.has_debian() && !spec.split().has_file()) {
    for (const DebianClass& known : kDebianClasses) {
      if (const auto place = places->find(known.section); place != places->end()) {
        place->second.name = known.name;
      }
    }
  }
  return places;
}

// Returns how many it dropped.
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

}  // namespace

int64_t Dataset::NumTexts() const {
  int64_t count = 0;
  for (const TextClass& text_class : classes) {
    count += static_cast<int64_t>(text_class.texts.size());
  }
  return count;
}

std::vector<const TextClass*> Dataset::Of(Split split) const {
  std::vector<const TextClass*> chosen;
  for (const TextClass& text_class : classes) {
    if (text_class.split == split) {
      chosen.push_back(&text_class);
    }
  }
  return chosen;
}

absl::StatusOr<Dataset> LoadDataset(const DatasetSpec& spec) {
  if (const std::vector<std::string> broken = BrokenRules(spec); !broken.empty()) {
    return absl::InvalidArgumentError(absl::StrCat("dataset: ", absl::StrJoin(broken, "; ")));
  }
  if (!spec.has_debian() && !spec.has_split()) {
    return SplitClasses(spec.split(), {}).status();  // says so before a long read
  }
  Dataset dataset;
  absl::StatusOr<TextsByLabel> texts = LoadSource(spec, &dataset.name);
  if (!texts.ok()) {
    return texts.status();
  }
  const absl::StatusOr<ClassPlaces> places = Places(spec, *texts);
  if (!places.ok()) {
    return places.status();
  }
  for (auto& [label, its_texts] : *texts) {
    const auto place = places->find(label);
    if (place == places->end()) {
      dataset.unused_texts += static_cast<int64_t>(its_texts.size());
      continue;
    }
    if (spec.drop_duplicates()) {
      dataset.dropped_duplicates += DropDuplicates(&its_texts);
    }
    dataset.classes.push_back({label, place->second.name, place->second.split, std::move(its_texts)});
  }
  return dataset;
}

std::string ExportText(const Dataset& dataset) {
  std::string text;
  for (const TextClass& text_class : dataset.classes) {
    const std::string columns =
        absl::StrCat(SplitName(text_class.split), "\t", text_class.label, "\t", text_class.name, "\t");
    for (const std::string& one : text_class.texts) {
      absl::StrAppend(&text, columns, one, "\n");
    }
  }
  return text;
}

std::string ContentSha256(const Dataset& dataset) { return Sha256(ExportText(dataset)); }

}  // namespace metaprompt
