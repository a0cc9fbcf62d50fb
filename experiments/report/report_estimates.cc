#include "experiments/report/report_estimates.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "metaprompt/base/statistics.h"

namespace metaprompt {
std::vector<std::string> Initialisations(const SeedGroup& group) {
  std::vector<std::string> all;
  for (const ReportedRun& run : group.runs) {
    for (const ShotResult& result : run.record.results()) {
      for (const Evaluation& test : result.tests()) {
        if (std::find(all.begin(), all.end(), test.initialisation()) == all.end()) {
          all.push_back(test.initialisation());
        }
      }
    }
  }
  return all;
}

std::vector<Tested> TestsOf(const SeedGroup& group, const std::string& initialisation, const ReportColumn& column) {
  std::vector<Tested> tests;
  for (const ReportedRun& run : group.runs) {
    const RunRecord& record = run.record;
    const EpisodeSpec& episodes = record.spec().episodes();
    if (record.dataset().name() != column.dataset || episodes.ways() != column.ways) {
      continue;
    }
    for (const ShotResult& result : record.results()) {
      for (const Evaluation& test : result.tests()) {
        if (result.shots() == column.shots && test.initialisation() == initialisation) {
          tests.push_back(Tested{
              absl::StrCat(record.dataset().content_sha256(), " ", episodes.queries(), " ", test.accuracies_size(), " ",
                           record.manifest_sha256().empty() ? absl::StrCat("seed ", record.spec().seed())
                                                            : record.manifest_sha256()),
              &test});
        }
      }
    }
  }
  return tests;
}

ByEpisodes MeansByEpisodes(const std::vector<Tested>& tests) {
  ByEpisodes sums;
  std::map<EpisodesKey, int> counts;
  for (const Tested& one : tests) {
    std::vector<double>& sum = sums[one.episodes];
    sum.resize(static_cast<size_t>(one.test->accuracies_size()));
    for (size_t i = 0; i < sum.size(); ++i) {
      sum[i] += static_cast<double>(one.test->accuracies(static_cast<int>(i)));
    }
    ++counts[one.episodes];
  }
  for (auto& [key, sum] : sums) {
    for (double& value : sum) {
      value /= counts[key];
    }
  }
  return sums;
}

std::optional<Estimate> AccuracyOf(const std::vector<Tested>& tests) {
  if (tests.empty()) {
    return std::nullopt;
  }
  std::vector<double> means;
  for (const Tested& one : tests) {
    means.push_back(one.test->mean_accuracy());
  }
  // Each set of episodes has equally many seeds: the seeds share one set, or each has its own.
  std::optional<Estimate> estimate = EstimateOf(MeansByEpisodes(tests));
  estimate->seeds = static_cast<int>(tests.size());
  estimate->seed_deviation = Deviation(means);
  return estimate;
}

std::optional<Estimate> EstimateOf(const ByEpisodes& values) {
  if (values.empty()) {
    return std::nullopt;
  }
  std::vector<MeanInterval> intervals;
  std::vector<double> means;
  for (const auto& [key, own] : values) {
    intervals.push_back(Interval(own));
    means.push_back(intervals.back().mean);
  }
  const MeanInterval mean = MeanOfMeans(intervals);
  return Estimate{mean.mean, mean.half_width, static_cast<int>(intervals.size()), Deviation(means)};
}

ByEpisodes Differences(const ByEpisodes& of, const ByEpisodes& over) {
  ByEpisodes differences;
  for (const auto& [key, values] : of) {
    const auto found = over.find(key);
    if (found == over.end()) {
      continue;
    }
    std::vector<double>& own = differences[key];
    for (size_t i = 0; i < values.size(); ++i) {
      own.push_back(values[i] - found->second[i]);
    }
  }
  return differences;
}

}  // namespace metaprompt
