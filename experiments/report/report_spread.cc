#include "experiments/report/report_spread.h"

#include <algorithm>
#include <iterator>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "experiments/report/report_estimates.h"
#include "metaprompt/base/statistics.h"

namespace metaprompt {
namespace {

// For each episode that all groups have, the standard deviation of their accuracies.
ByEpisodes Deviations(const std::vector<ByEpisodes>& groups) {
  ByEpisodes deviations;
  for (const auto& one : groups[0]) {
    const EpisodesKey& key = one.first;
    if (!std::all_of(groups.begin(), groups.end(), [&](const auto& group) { return group.count(key) > 0; })) {
      continue;
    }
    for (size_t i = 0; i < one.second.size(); ++i) {
      std::vector<double> accuracies;
      for (const auto& group : groups) {
        accuracies.push_back(group.at(key)[i]);
      }
      deviations[key].push_back(Deviation(accuracies));
    }
  }
  return deviations;
}

// One row per initialisation. Adds one entry per row and column to `of_means`: the standard deviation of the groups'
// means.
std::vector<ReportRow> SpreadRows(const std::vector<SeedGroup>& groups, const std::vector<ReportColumn>& columns,
                                  std::vector<std::string>* of_means) {
  std::vector<std::string> all;
  for (const SeedGroup& group : groups) {
    for (const std::string& initialisation : Initialisations(group)) {
      if (std::find(all.begin(), all.end(), initialisation) == all.end()) {
        all.push_back(initialisation);
      }
    }
  }
  std::vector<ReportRow> rows;
  std::vector<ByEpisodes> baseline;  // the first row, for each column
  for (const std::string& initialisation : all) {
    ReportRow row;
    row.is_spread = true;
    row.initialisation = initialisation;
    std::vector<ByEpisodes> spreads;
    size_t most = 0;
    for (size_t c = 0; c < columns.size(); ++c) {
      std::vector<ByEpisodes> tested;
      for (const SeedGroup& group : groups) {
        tested.push_back(MeansByEpisodes(TestsOf(group, initialisation, columns[c])));
        if (tested.back().empty()) {
          tested.pop_back();
        }
      }
      spreads.push_back(tested.size() < 2 ? ByEpisodes() : Deviations(tested));
      if (!spreads.back().empty()) {
        most = std::max(most, tested.size());
        std::vector<double> means;
        means.reserve(tested.size());
        for (const auto& group : tested) {
          means.push_back(EstimateOf(group)->mean);
        }
        of_means->push_back(
            absl::StrFormat("%s, %s: %.2f", initialisation, ColumnTitle(columns[c]), 100 * Deviation(means)));
      }
      row.accuracies.push_back(EstimateOf(spreads.back()));
      row.differences.push_back(baseline.empty() ? std::nullopt : EstimateOf(Differences(spreads.back(), baseline[c])));
      row.seeds = std::max(row.seeds, row.accuracies.back().has_value() ? row.accuracies.back()->seeds : 0);
    }
    if (most > 0) {
      row.run = absl::StrCat("spread of ", most, " runs");
      rows.push_back(std::move(row));
      if (baseline.empty()) {
        baseline = std::move(spreads);
      }
    }
  }
  return rows;
}

}  // namespace

absl::Status AddSpread(Report* report) {
  std::vector<std::string> of_means;
  std::vector<ReportRow> rows = SpreadRows(report->groups, report->columns, &of_means);
  if (rows.empty()) {
    return absl::InvalidArgumentError(
        "--spread: no two runs have an initialisation and test episodes in common: the same data, episodes and seed, "
        "or the same manifest");
  }
  std::move(rows.begin(), rows.end(), std::back_inserter(report->rows));
  report->notes.push_back(
      absl::StrCat("standard deviation between the runs' mean accuracies: ", absl::StrJoin(of_means, "; ")));
  return absl::OkStatus();
}

}  // namespace metaprompt
