#include "experiments/fine_tuning/text_split.h"

#include <algorithm>
#include <cstddef>
#include <unordered_set>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "datasets/dataset.h"
#include "datasets/sources/load_dataset.h"
#include "datasets/splits/drawn_sides.h"
#include "metaprompt/base/status_macros.h"
#include "metaprompt/base/text.h"

namespace metaprompt {
namespace {

using TextSet = std::unordered_set<std::string>;

absl::Status Named(absl::string_view field, const absl::Status& status) {
  return absl::Status(status.code(), absl::StrCat(field, ": ", status.message()));
}

// The classes that the spec wants. `elsewhere` becomes the texts of the other classes: training must not see these,
// even if one of them also occurs under a wanted label.
absl::StatusOr<Dataset> LoadLabelled(const FineTuningSpec& spec, TextSet* elsewhere) {
  if (spec.classes() == FineTuningSpec::ALL) {
    return LoadAllClasses(spec.dataset());
  }
  ASSIGN_OR_RETURN(Dataset dataset, LoadDataset(spec.dataset()));
  std::vector<TextClass> kept;
  for (TextClass& one : dataset.classes) {
    if (one.split == Split::kTrain) {
      kept.push_back(std::move(one));
    } else {
      elsewhere->insert(one.texts.begin(), one.texts.end());
    }
  }
  dataset.classes = std::move(kept);
  return dataset;
}

const char* Kind(const TextSplit& split) { return split.images.has_value() ? "image" : "text"; }

std::string ShapeText(const ImageShape& shape) {
  return absl::StrCat(shape.channels, " x ", shape.height, " x ", shape.width);
}

// OK if published examples can be inputs of the same encoder as those of `split`.
absl::Status CheckSameKind(const Dataset& published, const std::string& field, const TextSplit& split) {
  if (split.images.has_value()) {  // and so has `published`, which CheckFineTuningSpec has checked
    const std::string theirs = ShapeText(*published.images);
    const std::string ours = ShapeText(*split.images);
    return theirs == ours
               ? absl::OkStatus()
               : absl::InvalidArgumentError(absl::StrCat(field, ": an image of ", published.name, " has ", theirs,
                                                         " numbers (channels x height x width), one of dataset ", ours,
                                                         "; give images of one size"));
  }
  const size_t theirs = published.text_names.size();
  const size_t ours = split.text_names.size();
  return theirs == ours ? absl::OkStatus()
                        : absl::InvalidArgumentError(absl::StrCat(field, ": an example of ", published.name, " has ",
                                                                  theirs, " texts, one of dataset ", ours));
}

// Loads published texts into `texts` and `all`. Their classes must be among those of `split`.
absl::Status LoadPublished(const DatasetSpec& spec, const std::string& field, const FineTuningSpec& whole,
                           const TextSplit& split, std::vector<LabelledText>* texts, TextSet* all,
                           std::string* sha256) {
  const absl::StatusOr<Dataset> dataset = LoadAllClasses(spec);
  if (!dataset.ok()) {
    return Named(field, dataset.status());
  }
  RETURN_IF_ERROR(CheckSameKind(*dataset, field, split));
  *sha256 = ContentSha256(*dataset);
  const std::vector<std::string>& labels = split.labels;
  for (const TextClass& one : dataset->classes) {
    const auto label = std::lower_bound(labels.begin(), labels.end(), one.label);
    const bool known = label != labels.end() && *label == one.label;
    if (!known && whole.classes() == FineTuningSpec::TRAIN) {
      continue;  // a class that is not for training
    }
    if (!known) {
      return absl::InvalidArgumentError(absl::StrCat(field, ": no ", Kind(split), " of dataset has the label ",
                                                     Quoted(one.label), ", which ", dataset->name, " has"));
    }
    for (const std::string& text : one.texts) {
      if (all->insert(text).second) {
        texts->push_back({text, label - labels.begin()});
      }
    }
  }
  return absl::OkStatus();
}

// Checks that there are two classes or more, each with a training text.
absl::Status CheckSides(const TextSplit& split) {
  if (split.labels.size() < 2) {
    return absl::InvalidArgumentError(
        absl::StrCat("dataset: a classifier needs two classes or more; there are ", split.labels.size()));
  }
  std::vector<int64_t> counts(split.labels.size(), 0);
  for (const LabelledText& one : split.train) {
    ++counts[static_cast<size_t>(one.label)];
  }
  const auto without = std::find(counts.begin(), counts.end(), 0);
  return without == counts.end() ? absl::OkStatus()
                                 : absl::InvalidArgumentError(absl::StrCat(
                                       "texts: no ", Kind(split), " is left for training the class ",
                                       Quoted(split.labels[static_cast<size_t>(without - counts.begin())]),
                                       "; smaller shares texts.test_share and texts.valid_share leave more, "
                                       "and so do fewer published texts"));
}

}  // namespace

std::vector<int64_t> LabelsOf(const std::vector<LabelledText>& labelled) {
  std::vector<int64_t> labels;
  for (const LabelledText& one : labelled) {
    labels.push_back(one.label);
  }
  return labels;
}

absl::StatusOr<TextSplit> TextSplitOf(const FineTuningSpec& spec) {
  const TextSplitSpec& how = spec.texts();
  TextSet elsewhere;
  ASSIGN_OR_RETURN(const Dataset dataset, LoadLabelled(spec, &elsewhere));
  TextSplit split;
  split.text_names = dataset.text_names;
  split.images = dataset.images;
  TextFacts& facts = split.facts;
  facts.set_name(dataset.name);
  facts.set_content_sha256(ContentSha256(dataset));
  if (!dataset.distribution.empty()) {
    facts.set_distribution(dataset.distribution);
  }
  for (const TextClass& one : dataset.classes) {
    split.labels.push_back(one.label);
  }
  TextSet published;
  if (how.has_test()) {
    RETURN_IF_ERROR(
        LoadPublished(how.test(), "texts.test", spec, split, &split.test, &published, facts.mutable_test_sha256()));
  }
  if (how.has_valid()) {
    RETURN_IF_ERROR(
        LoadPublished(how.valid(), "texts.valid", spec, split, &split.valid, &published, facts.mutable_valid_sha256()));
  }
  Sides sides;
  for (size_t c = 0; c < dataset.classes.size(); ++c) {
    std::vector<std::string> texts;
    for (const std::string& text : dataset.classes[c].texts) {
      if (published.count(text) == 0 && elsewhere.count(text) == 0) {
        texts.push_back(text);
      }
    }
    facts.set_left_out(facts.left_out() + static_cast<int64_t>(dataset.classes[c].texts.size() - texts.size()));
    DrawSides(texts, how.has_valid() ? 0 : how.valid_share(), how.has_test() ? 0 : how.test_share(), how.seed(),
              &sides);
    for (std::string& text : texts) {
      const Split side = sides.at(text);
      (side == Split::kTrain   ? split.train
       : side == Split::kValid ? split.valid
                               : split.test)
          .push_back({std::move(text), static_cast<int64_t>(c)});
    }
  }
  RETURN_IF_ERROR(CheckSides(split));
  facts.set_classes(static_cast<int>(split.labels.size()));
  facts.set_train_texts(static_cast<int64_t>(split.train.size()));
  facts.set_valid_texts(static_cast<int64_t>(split.valid.size()));
  facts.set_test_texts(static_cast<int64_t>(split.test.size()));
  return split;
}

}  // namespace metaprompt
