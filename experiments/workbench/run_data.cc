#include "experiments/workbench/run_data.h"

#include <algorithm>
#include <cstdint>
#include <map>
#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "datasets/sources/load_dataset.h"
#include "experiments/spec.h"
#include "metaprompt/base/example_texts.h"
#include "metaprompt/base/status_macros.h"
#include "metaprompt/prompts/verbalizer.h"

namespace metaprompt {
namespace {

DatasetFacts FactsOf(const Dataset& dataset) {
  DatasetFacts facts;
  facts.set_name(dataset.name);
  facts.set_content_sha256(ContentSha256(dataset));
  facts.set_texts(dataset.NumTexts());
  facts.set_train_classes(static_cast<int>(dataset.Of(Split::kTrain).size()));
  facts.set_valid_classes(static_cast<int>(dataset.Of(Split::kValid).size()));
  facts.set_test_classes(static_cast<int>(dataset.Of(Split::kTest).size()));
  facts.set_dropped_duplicates(dataset.dropped_duplicates);
  if (!dataset.distribution.empty()) {
    facts.set_distribution(dataset.distribution);
  }
  if (!dataset.split_name.empty()) {
    facts.set_split(dataset.split_name);
  }
  if (dataset.empty_texts > 0) {
    facts.set_empty_texts(dataset.empty_texts);
  }
  if (!dataset.shared_texts.empty()) {
    facts.set_shared_texts(static_cast<int64_t>(dataset.shared_texts.size()));
  }
  if (dataset.skipped_bad_lines > 0) {
    facts.set_skipped_bad_lines(dataset.skipped_bad_lines);
  }
  return facts;
}

// The texts of a class that other classes of the same side of the split have, too.
std::map<int64_t, int64_t> SharedWithin(const Dataset& dataset, const TextClass& one, Split split) {
  std::map<int64_t, int64_t> within;
  for (const auto& [text, number] : one.shared) {
    const std::vector<size_t>& classes = dataset.shared_texts[static_cast<size_t>(number)];
    if (std::count_if(classes.begin(), classes.end(), [&](size_t c) { return dataset.classes[c].split == split; }) >
        1) {
      within.emplace(text, number);
    }
  }
  return within;
}

}  // namespace

absl::StatusOr<EpisodeSampler> SamplerOf(const ExperimentSpec& spec, const Dataset& dataset, Split split, int shots) {
  std::vector<ClassSize> sizes;
  for (const TextClass* one : dataset.Of(split)) {
    sizes.push_back(ClassSize{one->label, static_cast<int64_t>(one->texts.size())});
    if (!spec.episodes().has_allow_shared_texts()) {
      sizes.back().shared = SharedWithin(dataset, *one, split);
    }
  }
  EpisodeShape shape;
  shape.ways = spec.episodes().ways();
  shape.shots = shots;
  shape.queries = spec.episodes().queries();
  if (split == Split::kTrain) {
    shape.borrowed_answers = spec.episodes().borrowed_answers();
    shape.ways = TrainWays(spec.episodes());
    shape.queries = TrainQueries(spec.episodes());
    if (spec.episodes().train_ways() > 0 && shape.ways > static_cast<int64_t>(sizes.size())) {
      return absl::InvalidArgumentError(absl::StrCat(
          "episodes.train_ways is ", shape.ways, ", but there are fewer classes in the split 'train': ", sizes.size()));
    }
  }
  return EpisodeSampler::Create(std::move(sizes), shape, spec.seed(), SplitName(split));
}

absl::StatusOr<RunData> RunData::Open(const ExperimentSpec& spec) {
  RunData data;
  data.spec_ = spec;
  ASSIGN_OR_RETURN(data.dataset_, LoadDataset(spec.dataset()));
  data.facts_ = FactsOf(data.dataset_);
  std::set<std::string> labels;
  for (const TextClass& one : data.dataset_.classes) {
    labels.insert(one.label);
  }
  RETURN_IF_ERROR(CheckAnswers(spec.model().verbalizer(), labels));
  for (const Split split : {Split::kTrain, Split::kValid, Split::kTest}) {
    for (const int shots : spec.episodes().shots()) {
      RETURN_IF_ERROR(data.Sampler(split, shots));
    }
  }
  return data;
}

EpisodeSampler RunData::TrainInTestShape(int shots) const {
  ExperimentSpec as_test = spec_;
  as_test.mutable_episodes()->clear_train_ways();
  as_test.mutable_episodes()->clear_train_queries();
  const absl::StatusOr<EpisodeSampler> shaped = SamplerOf(as_test, dataset_, Split::kTrain, shots);
  return shaped.ok() ? *shaped : *Sampler(Split::kTrain, shots);
}

std::vector<std::string> RunData::TrainTexts() const {
  std::vector<std::string> texts;
  for (const TextClass* one : dataset_.Of(Split::kTrain)) {
    for (const std::string& example : one->texts) {
      for (const absl::string_view text : SplitTexts(example)) {
        texts.emplace_back(text);
      }
    }
  }
  return texts;
}

}  // namespace metaprompt
