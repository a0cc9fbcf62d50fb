#include "experiments/commands/show_episodes.h"

#include <algorithm>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "datasets/dataset.h"
#include "datasets/sources/load_dataset.h"
#include "datasets/split.h"
#include "episodes/manifest.h"
#include "episodes/sampler.h"
#include "experiments/commands/image_page.h"
#include "experiments/workbench/run_data.h"
#include "metaprompt/base/files.h"
#include "metaprompt/base/hash.h"
#include "metaprompt/base/status_macros.h"

namespace metaprompt {
namespace {

Split SplitOf(const EpisodesOptions& options) {
  return *std::find_if(std::begin(kSplits), std::end(kSplits), [&](Split s) { return options.split == SplitName(s); });
}

// Represents an image in text: the first 16 digits of the SHA-256 of its bytes.
std::string FirstDigits(const std::string& image) { return Sha256(image).substr(0, 16); }

}  // namespace

absl::StatusOr<std::string> EpisodeText(const ExperimentSpec& spec, const EpisodesOptions& options) {
  ASSIGN_OR_RETURN(const Dataset dataset, LoadDataset(spec.dataset()));
  const std::vector<const TextClass*> classes = dataset.Of(SplitOf(options));
  const int shots = options.shots > 0 ? options.shots : spec.episodes().shots(0);
  ASSIGN_OR_RETURN(const EpisodeSampler sampler, SamplerOf(spec, dataset, SplitOf(options), shots));
  const EpisodePlan plan = sampler.Plan(options.index);
  std::string text = absl::StrFormat("episode %d of %s, seed %d: %d-way %d-shot, %d queries per class\n", plan.index,
                                     options.split, spec.seed(), sampler.shape().ways, shots, sampler.shape().queries);
  const auto add = [&](absl::string_view part, const std::vector<TextRef>& refs) {
    const size_t per_way = refs.size() / plan.classes.size();
    for (size_t i = 0; i < refs.size(); ++i) {
      const TextClass& one = *classes[static_cast<size_t>(refs[i].of_class)];
      absl::StrAppendFormat(&text, "%s\t%d\t%s\t%d\t%s\n", part, i / per_way, one.label, refs[i].text,
                            dataset.images.has_value() ? FirstDigits(one.texts[static_cast<size_t>(refs[i].text)])
                                                       : one.texts[static_cast<size_t>(refs[i].text)]);
    }
  };
  absl::StrAppend(&text, "part\tway\tlabel\tnumber\t", absl::StrJoin(dataset.text_names, "\t"), "\n");
  add("support", plan.support);
  add("query", plan.query);
  return text;
}

absl::StatusOr<std::string> SaveEpisodePage(const ExperimentSpec& spec, const EpisodesOptions& options) {
  ASSIGN_OR_RETURN(const Dataset dataset, LoadDataset(spec.dataset()));
  if (!dataset.images.has_value()) {
    return absl::InvalidArgumentError(absl::StrCat(dataset.name, ": these data are texts; --page shows images"));
  }
  const std::vector<const TextClass*> classes = dataset.Of(SplitOf(options));
  const int shots = options.shots > 0 ? options.shots : spec.episodes().shots(0);
  ASSIGN_OR_RETURN(const EpisodeSampler sampler, SamplerOf(spec, dataset, SplitOf(options), shots));
  const EpisodePlan plan = sampler.Plan(options.index);
  std::vector<PageRow> rows;
  for (const int64_t c : plan.classes) {
    const TextClass& one = *classes[static_cast<size_t>(c)];
    rows.push_back({absl::StrCat(one.label, " ", one.name), {}, {}});
  }
  const auto add = [&](const std::vector<TextRef>& refs, std::vector<std::string> PageRow::* part) {
    for (size_t i = 0; i < refs.size(); ++i) {
      (rows[i * rows.size() / refs.size()].*part)
          .push_back(classes[static_cast<size_t>(refs[i].of_class)]->texts[static_cast<size_t>(refs[i].text)]);
    }
  };
  add(plan.support, &PageRow::support);
  add(plan.query, &PageRow::query);
  const std::string title = absl::StrFormat("%s: episode %d of %s, seed %d, %d-way %d-shot", dataset.name, plan.index,
                                            options.split, spec.seed(), sampler.shape().ways, shots);
  RETURN_IF_ERROR(WriteFileAtomically(options.page, ImagePage(title, *dataset.images, rows)));
  return absl::StrCat(options.page, ": ", title, "\n");
}

absl::StatusOr<std::string> SaveEpisodes(const ExperimentSpec& spec, const EpisodesOptions& options) {
  const Split split = SplitOf(options);
  if (split == Split::kTrain && (spec.episodes().word_tasks() > 0 || spec.episodes().borrowed_answers() > 0)) {
    return absl::InvalidArgumentError(
        "episodes.word_tasks and episodes.borrowed_answers make training tasks that no file of episodes can hold; save "
        "with --set episodes.word_tasks=0 --set episodes.borrowed_answers=0");
  }
  ASSIGN_OR_RETURN(const Dataset dataset, LoadDataset(spec.dataset()));
  EpisodeManifest manifest;
  manifest.dataset = dataset.name;
  manifest.content_sha256 = ContentSha256(dataset);
  manifest.split = options.split;
  manifest.seed = spec.seed();
  const std::vector<int> all_shots =
      options.shots > 0 ? std::vector<int>{options.shots}
                        : std::vector<int>(spec.episodes().shots().begin(), spec.episodes().shots().end());
  const int count = options.count > 0 ? options.count : spec.test().episodes();
  for (const int shots : all_shots) {
    ASSIGN_OR_RETURN(const EpisodeSampler sampler, SamplerOf(spec, dataset, split, shots));
    manifest.ways = sampler.shape().ways;
    manifest.queries = sampler.shape().queries;
    for (int64_t i = 0; i < count; ++i) {
      manifest.episodes[shots].push_back(sampler.Plan(i));
    }
  }
  const std::string text = ManifestText(manifest, dataset.Of(split));
  RETURN_IF_ERROR(WriteFileAtomically(options.save, text));
  return absl::StrFormat(
      "%s: %d episodes of %s's %s classes for each of %s shots, %d-way, %d queries per class; SHA-256 %s\n",
      options.save, count, manifest.dataset, options.split, absl::StrJoin(all_shots, ", "), manifest.ways,
      manifest.queries, Sha256(text));
}

}  // namespace metaprompt
