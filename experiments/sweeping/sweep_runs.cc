#include "experiments/sweeping/sweep_runs.h"

#include <filesystem>
#include <system_error>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "experiments/experiment.pb.h"
#include "experiments/spec.h"
#include "experiments/workbench/read_record.h"
#include "metaprompt/base/checksums.h"
#include "metaprompt/base/files.h"
#include "metaprompt/base/process.h"
#include "metaprompt/base/status_macros.h"
#include "metaprompt/specs/field_rules.h"
#include "metaprompt/specs/only_with.h"
#include "metaprompt/specs/spec_fields.h"

namespace metaprompt {
namespace {

// The spec without the fields that change a run's numbers only by rounding, or not at all. A field that is newer than
// the record has its default.
std::string ComparedSpec(ExperimentSpec spec) {
  ClearSettingsWithoutEffect(&spec);
  WriteOutDefaults(&spec);
  spec.clear_threads();
  spec.clear_tasks_together();
  return SpecText(spec);
}

}  // namespace

std::string SweepFolder(const SweepOptions& options) {
  return !options.out.empty() ? (std::filesystem::path(options.out) / "").lexically_normal().parent_path().string()
                              : absl::StrCat("runs/", std::filesystem::path(options.file).stem().string());
}

absl::StatusOr<SweepPlan> PlanSweep(const SweepOptions& options) {
  return PlanSweep(options.file, options.sets, options.only, SweepFolder(options));
}

std::string FolderName(const SweepRun& run) { return std::filesystem::path(run.out).filename().string(); }

absl::StatusOr<std::optional<RunRecord>> RecordOf(const SweepRun& run) {
  std::error_code error;
  if (!std::filesystem::exists(run.out, error)) {
    return std::optional<RunRecord>();
  }
  ASSIGN_OR_RETURN(RunRecord record, ReadRecord(run.out));
  if (ComparedSpec(record.spec()) != ComparedSpec(run.planned)) {
    return absl::FailedPreconditionError(absl::StrCat(
        run.out, ": the complete run there has another spec; remove it, or name another folder with --out"));
  }
  return std::optional<RunRecord>(std::move(record));
}

std::string Summary(const RunRecord& record) {
  std::vector<std::string> parts;
  for (const ShotResult& result : record.results()) {
    if (result.tests_size() > 0) {
      const Evaluation& test = result.tests(result.tests_size() - 1);
      parts.push_back(absl::StrFormat("%d-shot %s %.2f ± %.2f %%", result.shots(), test.initialisation(),
                                      100 * test.mean_accuracy(), 100 * test.half_width()));
    }
  }
  return absl::StrJoin(parts, ", ");
}

std::string LastLineOfLog(const std::string& path) {
  const absl::StatusOr<std::string> text = ReadFile(path);
  if (!text.ok()) {
    return std::string(text.status().message());
  }
  const std::string last = LastLine(*text);
  return last.empty() ? "it printed nothing" : last;
}

void RemoveCheckpoints(const std::string& folder) {
  std::error_code error;
  std::vector<std::filesystem::path> found;
  absl::StatusOr<Checksums> sums = Checksums::Read(folder);
  const bool listed = sums.ok() && !sums->Names().empty();
  for (std::filesystem::directory_iterator at(folder, error), end; !error && at != end; at.increment(error)) {
    const std::string name = at->path().filename().string();
    if (absl::StartsWith(name, "checkpoint-") && absl::EndsWith(name, ".safetensors") &&
        (!listed || sums->Lists(name))) {
      found.push_back(at->path());
    }
  }
  for (const std::filesystem::path& path : found) {
    std::filesystem::remove(path, error);
    if (sums.ok()) {
      sums->Forget(path.filename().string());
    }
  }
  // A listed file that is missing does no harm, so an error can be ignored.
  if (sums.ok() && !found.empty() && !sums->Names().empty()) {
    sums->Save().IgnoreError();
  }
}

std::vector<std::string> ArgumentsOf(const SweepRun& run, const EventsOption& events, int threads) {
  std::vector<std::string> arguments = RunArguments(run);
  if (events.on) {
    const std::string& folder = events.folder;
    arguments.push_back(folder.empty() ? "--tensorboard"
                                       : absl::StrCat("--tensorboard=", folder, "/", FolderName(run)));
  }
  if (run.planned.threads() > 0) {
    return arguments;
  }
  const std::string begun = absl::StrCat(run.out, ".partial/spec.textproto");
  ExperimentSpec before;
  if (const absl::StatusOr<std::string> text = ReadFile(begun); text.ok() && ParseSpec(*text, begun, &before).ok()) {
    threads = before.threads();
  }
  if (threads > 0) {
    arguments.insert(arguments.end(), {"--set", absl::StrCat("threads=", threads)});
  }
  return arguments;
}

}  // namespace metaprompt
