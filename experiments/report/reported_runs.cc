#include "experiments/report/reported_runs.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "experiments/workbench/check_record.h"
#include "experiments/workbench/read_record.h"
#include "metaprompt/base/files.h"
#include "metaprompt/base/status_macros.h"
#include "metaprompt/specs/spec_fields.h"

namespace metaprompt {
namespace {

// The time that a run took. Nothing if its directory has no environment.textproto, or if that file has no time.
absl::StatusOr<std::optional<double>> WallSeconds(const std::string& run) {
  const std::string path = absl::StrCat(run, "/environment.textproto");
  const absl::StatusOr<std::string> text = ReadFile(path);
  if (absl::IsNotFound(text.status())) {
    return std::nullopt;
  }
  RETURN_IF_ERROR(text);
  Environment environment;
  RETURN_IF_ERROR(ParseSpec(*text, path, &environment));
  if (const absl::Status checked = CheckEnvironment(environment); !checked.ok()) {
    return absl::Status(checked.code(), absl::StrCat(path, ": ", checked.message()));
  }
  if (!environment.has_wall_seconds()) {
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
    ASSIGN_OR_RETURN(run.wall_seconds, WallSeconds(run.path));
    runs.push_back(std::move(run));
  }
  return runs;
}

}  // namespace metaprompt
