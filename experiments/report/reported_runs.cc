#include "experiments/report/reported_runs.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "experiments/workbench/read_record.h"
#include "metaprompt/base/files.h"
#include "metaprompt/base/spec_fields.h"
#include "metaprompt/base/status_macros.h"

namespace metaprompt {
namespace {

// Whether the numbers of a record are such as a run writes: shares, and one of them per test episode.
absl::Status CheckNumbers(const RunRecord& record, const std::string& path) {
  const auto wrong = [&](int shots, const std::string& what) {
    return absl::InvalidArgumentError(absl::StrCat(path, "/record.textproto: ", shots, "-shot: ", what));
  };
  const auto is_share = [](double x) { return x >= 0 && x <= 1; };  // false for NaN
  for (const ShotResult& result : record.results()) {
    for (const Evaluation& test : result.tests()) {
      if (!is_share(test.mean_accuracy()) || !(test.half_width() >= 0) || !std::isfinite(test.half_width()) ||
          !std::all_of(test.accuracies().begin(), test.accuracies().end(), is_share)) {
        return wrong(result.shots(), absl::StrCat("an accuracy of ", test.initialisation(), " is not within 0 and 1"));
      }
      if (test.accuracies_size() != record.spec().test().episodes()) {
        return wrong(result.shots(), absl::StrCat(test.initialisation(), " has ", test.accuracies_size(),
                                                  " accuracies; test.episodes is ", record.spec().test().episodes()));
      }
    }
    for (const CurvePoint& point : result.curve()) {
      if (!is_share(point.valid_accuracy()) || !is_share(point.query_accuracy()) ||
          !std::isfinite(point.valid_half_width()) || point.meta_step() < 0) {
        return wrong(result.shots(), "a point of the training curve is not within 0 and 1");
      }
    }
  }
  return absl::OkStatus();
}

// The time that a run took. Nothing if its directory has no environment.textproto, or that has no time.
absl::StatusOr<std::optional<double>> WallSeconds(const std::string& run) {
  const std::string path = absl::StrCat(run, "/environment.textproto");
  const absl::StatusOr<std::string> text = ReadFile(path);
  if (absl::IsNotFound(text.status())) {
    return std::nullopt;
  }
  RETURN_IF_ERROR(text);
  Environment environment;
  RETURN_IF_ERROR(ParseSpec(*text, path, &environment));
  if (!environment.has_wall_seconds() || !std::isfinite(environment.wall_seconds())) {
    return std::nullopt;
  }
  return environment.wall_seconds();
}

}  // namespace

absl::StatusOr<std::vector<ReportedRun>> ReadRuns(const std::vector<std::string>& paths) {
  std::vector<ReportedRun> runs;
  for (const std::string& path : paths) {
    ReportedRun run;
    run.path = path.size() > 1 ? std::string(absl::StripSuffix(path, "/")) : path;
    ASSIGN_OR_RETURN(run.record, ReadRecord(run.path));
    RETURN_IF_ERROR(CheckNumbers(run.record, run.path));
    ASSIGN_OR_RETURN(run.wall_seconds, WallSeconds(run.path));
    runs.push_back(std::move(run));
  }
  return runs;
}

}  // namespace metaprompt
