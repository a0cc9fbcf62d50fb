#include "experiments/report/report.h"

#include <algorithm>
#include <map>
#include <set>
#include <tuple>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/strip.h"
#include "experiments/report/describe_learner.h"
#include "experiments/report/report_estimates.h"
#include "experiments/report/report_notes.h"
#include "learners/learner_facts.h"
#include "metaprompt/base/status_macros.h"
#include "metaprompt/base/text.h"
#include "metaprompt/specs/spec_fields.h"

namespace metaprompt {
namespace {

// Runs with equal keys differ only in their seeds, and in settings that only change rounding. `own_start`: each seed
// starts from another run, in folders whose names end with the seed.
std::string GroupKey(const RunRecord& record, bool own_start) {
  ExperimentSpec spec = record.spec();
  if (own_start) {
    const std::string seed = absl::StrCat("-seed", spec.seed());
    for (std::string* const start : {spec.mutable_model()->mutable_init_from_run(),
                                     spec.mutable_model()->mutable_prompt()->mutable_init_from_run()}) {
      *start = std::string(absl::StripSuffix(absl::StripSuffix(*start, "/"), seed));
    }
  }
  spec.clear_seed();
  spec.clear_threads();
  spec.clear_tasks_together();
  return absl::StrCat(SpecText(spec), record.dataset().content_sha256(), "/", record.model().encoder_sha256(), "/",
                      record.manifest_sha256());
}

std::vector<SeedGroup> Grouped(std::vector<ReportedRun> runs, std::vector<std::string>* notes) {
  std::vector<SeedGroup> groups;
  std::map<std::string, size_t> place;
  std::map<std::string, int> alike;  // number of runs with the same start, or without one
  for (const ReportedRun& run : runs) {
    ++alike[GroupKey(run.record, /*own_start=*/false)];
  }
  for (ReportedRun& run : runs) {
    const std::string key = GroupKey(run.record, /*own_start=*/false);
    const auto [found, is_new] =
        place.try_emplace(alike[key] > 1 ? key : GroupKey(run.record, /*own_start=*/true), groups.size());
    if (is_new) {
      groups.push_back(SeedGroup{run.record.spec().name(), {}});
    }
    std::vector<ReportedRun>& together = groups[found->second].runs;
    const auto same = std::find_if(together.begin(), together.end(), [&](const ReportedRun& other) {
      return other.record.spec().seed() == run.record.spec().seed();
    });
    if (same != together.end()) {
      notes->push_back(absl::StrCat(run.path, " is left out: the same spec and seed as ", same->path));
      continue;
    }
    together.push_back(std::move(run));
  }
  std::map<std::string, int> named;
  for (SeedGroup& group : groups) {
    std::stable_sort(group.runs.begin(), group.runs.end(), [](const ReportedRun& a, const ReportedRun& b) {
      return a.record.spec().seed() < b.record.spec().seed();
    });
    ++named[group.name];
  }
  for (SeedGroup& group : groups) {
    if (named[group.name] > 1) {
      group.name = absl::StrCat(group.name, " [", group.runs[0].path, "]");
    }
  }
  return groups;
}

struct Baseline {
  size_t group = 0;
  std::string initialisation;
};

absl::StatusOr<Baseline> FindBaseline(const std::vector<SeedGroup>& groups, const std::string& wanted) {
  std::vector<std::string> known;
  std::vector<Baseline> found;
  for (size_t g = 0; g < groups.size(); ++g) {
    std::vector<std::string> names = {groups[g].name, groups[g].runs[0].record.spec().name()};
    for (const ReportedRun& run : groups[g].runs) {
      names.push_back(run.path);
    }
    const std::vector<std::string> initialisations = Initialisations(groups[g]);
    known.push_back(groups[g].name);
    bool is_it = false;
    std::string initialisation = initialisations.empty() ? "" : initialisations.back();
    for (const std::string& name : names) {
      is_it = is_it || name == wanted;
      for (const std::string& one : initialisations) {
        if (absl::StrCat(name, "/", one) == wanted) {
          is_it = true;
          initialisation = one;
        }
      }
    }
    if (is_it) {
      found.push_back(Baseline{g, initialisation});
    }
  }
  if (found.empty()) {
    return absl::NotFoundError(absl::StrCat("--baseline: no run is called ", Quoted(wanted), "; there are ",
                                            absl::StrJoin(known, ", "),
                                            " (each also with /INITIALISATION, such as /random)"));
  }
  if (found.size() > 1) {
    return absl::InvalidArgumentError(
        absl::StrCat("--baseline: several runs are called ", Quoted(wanted), "; name one by its directory"));
  }
  return found[0];
}

std::vector<ReportColumn> ColumnsOf(const std::vector<SeedGroup>& groups) {
  std::vector<ReportColumn> columns;
  std::map<std::string, size_t> datasets;  // numbered in the order of the groups
  std::set<std::tuple<size_t, int, int>> keys;
  std::vector<std::string> names;
  for (const SeedGroup& group : groups) {
    const RunRecord& record = group.runs[0].record;
    const auto [place, is_new] = datasets.try_emplace(record.dataset().name(), datasets.size());
    if (is_new) {
      names.push_back(record.dataset().name());
    }
    for (const ShotResult& result : record.results()) {
      keys.emplace(place->second, record.spec().episodes().ways(), result.shots());
    }
  }
  for (const auto& [dataset, ways, shots] : keys) {
    columns.push_back(ReportColumn{names[dataset], ways, shots});
  }
  return columns;
}

std::optional<double> MeanSeconds(const SeedGroup& group) {
  double sum = 0;
  for (const ReportedRun& run : group.runs) {
    if (!run.wall_seconds.has_value()) {
      return std::nullopt;
    }
    sum += *run.wall_seconds;
  }
  return sum / static_cast<double>(group.runs.size());
}

}  // namespace

std::string ColumnTitle(const ReportColumn& column) {
  return absl::StrCat(column.dataset, " ", column.ways, "-way ", column.shots, "-shot");
}

absl::StatusOr<Report> JoinRuns(std::vector<ReportedRun> runs, const std::string& baseline) {
  Report report;
  report.groups = Grouped(std::move(runs), &report.notes);
  report.columns = ColumnsOf(report.groups);
  std::optional<Baseline> common;
  if (!baseline.empty()) {
    ASSIGN_OR_RETURN(common, FindBaseline(report.groups, baseline));
    report.baseline = absl::StrCat(report.groups[common->group].name, ", ", common->initialisation);
  } else {
    report.baseline = "the same run's first initialisation";
  }
  std::set<size_t> unpaired;  // groups
  for (size_t g = 0; g < report.groups.size(); ++g) {
    const SeedGroup& group = report.groups[g];
    const ExperimentSpec& spec = group.runs[0].record.spec();
    const std::vector<std::string> initialisations = Initialisations(group);
    for (const std::string& initialisation : initialisations) {
      ReportRow row;
      row.run = group.name;
      row.seeds = static_cast<int>(group.runs.size());
      row.learner = LearnerName(spec.learner());
      row.initialisation = initialisation;
      row.adapts = WhatAdapts(spec.learner(), spec.model());
      row.wall_seconds = MeanSeconds(group);
      const Baseline over = common.has_value() ? *common : Baseline{g, initialisations[0]};
      const bool is_baseline = over.group == g && over.initialisation == initialisation;
      if (is_baseline && common.has_value()) {
        report.baseline_row = report.rows.size();
      }
      for (const ReportColumn& column : report.columns) {
        const std::vector<Tested> tests = TestsOf(group, initialisation, column);
        const std::vector<Tested> others = TestsOf(report.groups[over.group], over.initialisation, column);
        row.accuracies.push_back(AccuracyOf(tests));
        row.differences.push_back(
            is_baseline ? std::nullopt : EstimateOf(Differences(MeansByEpisodes(tests), MeansByEpisodes(others))));
        if (!is_baseline && !tests.empty() && !others.empty() && !row.differences.back().has_value()) {
          unpaired.insert(g);
        }
      }
      report.rows.push_back(std::move(row));
    }
  }
  for (std::string& note : ComparisonNotes(report.groups)) {
    report.notes.push_back(std::move(note));
  }
  if (!unpaired.empty()) {
    report.notes.push_back(absl::StrCat(
        "no paired difference, because there are no episodes in common with ", report.baseline, ": ",
        absl::StrJoin(unpaired, ", ", [&](std::string* out, size_t g) { *out += report.groups[g].name; })));
  }
  return report;
}

}  // namespace metaprompt
