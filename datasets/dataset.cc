#include "datasets/dataset.h"

#include <algorithm>
#include <unordered_set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/string_view.h"
#include "absl/strings/strip.h"
#include "datasets/readers/csv.h"
#include "datasets/readers/jsonl.h"
#include "datasets/readers/texts_by_label.h"
#include "datasets/readers/tsv.h"
#include "datasets/sources/amazon.h"
#include "datasets/sources/debian.h"
#include "datasets/sources/fewrel.h"
#include "datasets/sources/huffpost.h"
#include "datasets/sources/known_counts.h"
#include "datasets/sources/newsgroups.h"
#include "datasets/sources/protaugment.h"
#include "datasets/sources/reuters.h"
#include "datasets/splits/class_split.h"
#include "datasets/splits/published_splits.h"
#include "metaprompt/base/hash.h"
#include "metaprompt/base/spec_fields.h"

namespace metaprompt {
namespace {

std::string FileName(absl::string_view path) {
  const size_t slash = path.rfind('/');
  return std::string(slash == absl::string_view::npos ? path : path.substr(slash + 1));
}

absl::StatusOr<Imported> LoadSource(const DatasetSpec& spec, std::string* name) {
  ImportOptions options;
  options.skip_bad_lines = spec.skip_bad_lines();
  options.max_words = spec.max_words();
  const auto named = [&](const std::string& path) { *name = FileName(absl::StripSuffix(path, "/")); };
  switch (spec.source_case()) {
    case DatasetSpec::kDebian:
      *name = "debian";
      return LoadDebian(spec.debian(), options);
    case DatasetSpec::kTsv:
      named(spec.tsv().path());
      return LoadTsv(spec.tsv(), options);
    case DatasetSpec::kJsonl:
      named(spec.jsonl().path());
      return LoadJsonl(spec.jsonl(), options);
    case DatasetSpec::kCsv:
      named(spec.csv().path());
      return LoadCsv(spec.csv(), options);
    case DatasetSpec::kHuffpost:
      named(spec.huffpost().path());
      return LoadHuffPost(spec.huffpost(), options);
    case DatasetSpec::kReuters:
      named(spec.reuters().path());
      return LoadReuters(spec.reuters(), options);
    case DatasetSpec::kNewsgroups:
      named(spec.newsgroups().path());
      return LoadNewsgroups(spec.newsgroups(), options);
    case DatasetSpec::kAmazon:
      named(spec.amazon().path());
      return LoadAmazon(spec.amazon(), options);
    case DatasetSpec::kProtaugment:
      named(spec.protaugment().path());
      return LoadProtAugment(spec.protaugment(), options);
    case DatasetSpec::kFewrel:
      named(spec.fewrel().path(0));
      return LoadFewRel(spec.fewrel(), options);
    case DatasetSpec::SOURCE_NOT_SET:
      break;
  }
  return absl::InvalidArgumentError("dataset: no source");
}

// The source's field in the spec: "huffpost".
std::string SourceName(const DatasetSpec& spec) {
  const google::protobuf::FieldDescriptor* field =
      DatasetSpec::descriptor()->FindFieldByNumber(static_cast<int>(spec.source_case()));
  return field == nullptr ? "" : field->name();
}

// The published split that `spec` asks for, or that holds where it asks for none; empty: one of one's own.
std::string SplitNameOf(const DatasetSpec& spec) {
  if (spec.has_split()) {
    return spec.split().published();
  }
  if (spec.has_protaugment()) {
    return "fold01";
  }
  const std::vector<std::string> published = PublishedSplitNames(SourceName(spec));
  return published.empty() ? "" : published[0];
}

absl::StatusOr<ClassPlaces> Places(const DatasetSpec& spec, const Imported& imported) {
  std::vector<std::string> labels;
  labels.reserve(imported.texts.size());
  for (const auto& [label, its_texts] : imported.texts) {
    labels.push_back(label);
  }
  const std::string source = SourceName(spec);
  const std::string published = SplitNameOf(spec);
  if (!published.empty()) {
    return spec.has_protaugment()
               ? FoldPlaces(spec.protaugment().path(), published, labels, spec.allow_other_counts())
               : PublishedSplit(source, published, labels, spec.has_debian() || spec.allow_other_counts());
  }
  absl::StatusOr<ClassPlaces> places = SplitClasses(spec.split(), labels);
  if (!places.ok() || spec.split().has_file()) {
    return places;
  }
  const bool own = spec.has_tsv() || spec.has_jsonl() || spec.has_csv();
  for (auto& [label, place] : *places) {
    if (const auto name = imported.names.find(label); name != imported.names.end()) {
      place.name = name->second;
    } else if (!own) {
      place.name = PublicName(source, label);
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

void Dataset::SetSealed(Split split, bool sealed) {
  for (TextClass& text_class : classes) {
    if (text_class.split == split) {
      text_class.texts.set_sealed(sealed);
    }
  }
}

absl::StatusOr<Dataset> LoadDataset(const DatasetSpec& spec) {
  if (const std::vector<std::string> broken = BrokenRules(spec); !broken.empty()) {
    return absl::InvalidArgumentError(absl::StrCat("dataset: ", absl::StrJoin(broken, "; ")));
  }
  const std::string source = SourceName(spec);
  Dataset dataset;
  dataset.split_name = SplitNameOf(spec);
  // What is wrong with the split is said before a long read.
  if (dataset.split_name.empty() && !spec.has_split()) {
    return SplitClasses(spec.split(), {}).status();
  }
  if (spec.split().has_published() && !spec.has_protaugment()) {
    const std::vector<std::string> published = PublishedSplitNames(source);
    if (std::find(published.begin(), published.end(), spec.split().published()) == published.end()) {
      return NoSuchSplit(source, spec.split().published(), published);
    }
  }
  absl::StatusOr<Imported> imported = LoadSource(spec, &dataset.name);
  if (!imported.ok()) {
    return imported.status();
  }
  if (absl::StatusOr<std::string> known =
          KnownDistribution(source, static_cast<int64_t>(imported->texts.size()), imported->records);
      known.ok()) {
    dataset.distribution = *std::move(known);
  } else if (!spec.allow_other_counts()) {
    return absl::InvalidArgumentError(absl::StrCat(dataset.name, ": ", known.status().message()));
  }
  dataset.empty_texts = imported->empty_texts;
  dataset.skipped_bad_lines = imported->bad_lines;
  const absl::StatusOr<ClassPlaces> places = Places(spec, *imported);
  if (!places.ok()) {
    return places.status();
  }
  for (auto& [label, its_texts] : imported->texts) {
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
