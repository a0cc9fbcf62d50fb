#include "experiments/bindings/episode_stream.h"

#include <algorithm>
#include <iterator>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "datasets/sources/load_dataset.h"
#include "experiments/workbench/run_data.h"
#include "metaprompt/base/example_texts.h"
#include "metaprompt/base/status_macros.h"
#include "metaprompt/base/text.h"

namespace metaprompt {

EpisodeStream::EpisodeStream(Dataset dataset, Split split, EpisodeSampler sampler)
    : dataset_(std::move(dataset)), classes_(dataset_.Of(split)), sampler_(std::move(sampler)) {}

absl::StatusOr<std::unique_ptr<EpisodeStream>> EpisodeStream::Open(const ExperimentSpec& spec,
                                                                   const std::string& split_name, int shots) {
  const auto* split =
      std::find_if(std::begin(kSplits), std::end(kSplits), [&](Split s) { return split_name == SplitName(s); });
  if (split == std::end(kSplits)) {
    return absl::InvalidArgumentError(absl::StrCat("split is ", Quoted(split_name), "; train, valid or test"));
  }
  ASSIGN_OR_RETURN(Dataset dataset, LoadDataset(spec.dataset()));
  RETURN_IF_ERROR(CheckTexts(dataset, "an episode's list of texts"));
  ASSIGN_OR_RETURN(EpisodeSampler sampler,
                   SamplerOf(spec, dataset, *split, shots > 0 ? shots : spec.episodes().shots(0)));
  return std::unique_ptr<EpisodeStream>(new EpisodeStream(std::move(dataset), *split, std::move(sampler)));
}

EpisodeTexts EpisodeStream::At(int64_t index) const {
  const EpisodePlan plan = sampler_.Plan(index);
  EpisodeTexts episode;
  episode.text_names = dataset_.text_names;
  for (const int64_t of_class : plan.classes) {
    episode.classes.push_back(classes_[static_cast<size_t>(of_class)]->label);
    episode.names.push_back(classes_[static_cast<size_t>(of_class)]->name);
  }
  const auto add = [&](const std::vector<TextRef>& refs, std::vector<std::vector<std::string>>* examples,
                       std::vector<int64_t>* numbers) {
    for (const TextRef& ref : refs) {
      const std::vector<absl::string_view> texts =
          SplitTexts(classes_[static_cast<size_t>(ref.of_class)]->texts[static_cast<size_t>(ref.text)]);
      examples->emplace_back(texts.begin(), texts.end());
      numbers->push_back(ref.text);
    }
  };
  add(plan.support, &episode.support, &episode.support_numbers);
  add(plan.query, &episode.query, &episode.query_numbers);
  return episode;
}

}  // namespace metaprompt
