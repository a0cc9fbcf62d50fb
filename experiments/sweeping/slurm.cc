#include "experiments/sweeping/slurm.h"

#include <unistd.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <system_error>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "experiments/sweeping/sweep_plan.h"
#include "metaprompt/base/files.h"
#include "metaprompt/base/new_folder.h"
#include "metaprompt/base/process.h"
#include "metaprompt/base/status_macros.h"

namespace metaprompt {
namespace {

using Jobs = std::map<std::string, std::string>;

// Slurm sends the signal to the shell alone (B:), up to a minute earlier than asked for. The run must not get it twice,
// because the second one would end it at once. SIGTERM, from scancel and at preemption, reaches all processes of the
// job. A job is put back by its number in the array: the bare number can mean the whole array.
constexpr char kScriptMark[] = "# Written by `metaprompt sweep --slurm`";
constexpr char kScriptStart[] = R"sh(#!/bin/bash
#SBATCH --requeue
#SBATCH --open-mode=append
#SBATCH --signal=B:USR1@120
#SBATCH --kill-on-invalid-dep=yes
# Written by `metaprompt sweep --slurm`, which submits it as arrays of jobs; each job is one run. Before the time limit,
# Slurm sends SIGUSR1: the run saves and ends, and its job goes back into the queue and continues from there.
# Options of sbatch on the command line replace those above.
case "$SLURM_ARRAY_TASK_ID" in
)sh";
constexpr char kScriptEnd[] =
    R"sh(  *) echo "$0: there is no run ${SLURM_ARRAY_TASK_ID:-without --array}" >&2; exit 2 ;;
esac
exec >> "$log" 2>&1

limit=
again=1
trap 'limit=1; again=1; kill -USR1 "$!"' USR1
trap 'again=1' TERM
"${run[@]}" &
while [[ $again ]]; do  # a signal ends `wait`, but not the run
  again=
  wait "$!"
  status=$?
done
# If the run ends just as a signal interrupts `wait`, bash 5.2 loses its status (-1). A complete run has a record; any
# other has ended because of the signal.
if [[ $status -lt 0 ]]; then
  status=130
  [[ ! -e "${log%.log}/record.textproto" ]] || status=0
fi
if [[ $limit && ( $status -eq 130 || $status -eq 138 ) ]]; then  # saved, or SIGUSR1 came before there was work to save
  echo "the time limit is near; back into the queue"
  exec scontrol requeue "${SLURM_ARRAY_JOB_ID}_$SLURM_ARRAY_TASK_ID"
fi
if [[ $status -gt 128 && $status -ne 130 ]]; then
  echo "error: ended by signal $((status - 128))"
fi
exit "$status"
)sh";

std::string JobsPath(const std::string& folder) { return folder + "/slurm.jobs"; }
std::string ScriptPath(const std::string& folder) { return folder + "/slurm.sh"; }

// The processors of each run: those that were asked for, or as many as the spec with the most threads uses; 0: unknown.
int CpusOf(const SweepPlan& plan, const SlurmOptions& slurm) {
  int cpus = slurm.cpus;
  for (const SweepRun& run : plan.runs) {
    cpus = slurm.cpus > 0 ? cpus : std::max(cpus, run.planned.threads());
  }
  return cpus;
}

// slurm.sh: the run with the place i in the plan is number i of an array.
std::string Script(const SweepPlan& plan, const SweepOptions& options, const std::string& program) {
  std::string script = kScriptStart;
  for (size_t i = 0; i < plan.runs.size(); ++i) {
    std::vector<std::string> words = ArgumentsOf(plan.runs[i], options.events, options.slurm.cpus);
    words.insert(words.begin(), program);
    absl::StrAppend(&script, "  ", i, ") log=", ShellLine({plan.runs[i].out + ".log"}), " run=(", ShellLine(words),
                    ") ;;\n");
  }
  return script + kScriptEnd;
}

// Writes the script in place of one of an earlier call, but not of another file. Returns whether there was none.
absl::StatusOr<bool> WriteScript(const std::string& path, const std::string& script) {
  std::error_code error;
  const bool exists = std::filesystem::exists(path, error);
  if (exists) {
    ASSIGN_OR_RETURN(const std::string before, ReadFile(path));
    if (!absl::StrContains(before, kScriptMark)) {
      return absl::AlreadyExistsError(
          absl::StrCat(path, ": it is not a script that metaprompt wrote; name another folder with --out, or move it"));
    }
  }
  RETURN_IF_ERROR(WriteFileAtomically(path, script));
  return !exists;
}

// The command that submits the runs with these places in the plan; they wait for the job `before`, if there is one.
std::vector<std::string> SubmitCommand(const SweepOptions& options, const std::vector<size_t>& runs, int cpus,
                                       const std::string& before) {
  const SlurmOptions& slurm = options.slurm;
  const std::string folder = SweepFolder(options);
  std::vector<std::string> words = {
      "sbatch", "--parsable", absl::StrCat("--array=", absl::StrJoin(runs, ",")),
      absl::StrCat("--job-name=", std::filesystem::path(options.file).stem().string()),
      absl::StrCat("--output=", absl::StrReplaceAll(folder, {{"%", "%%"}}), "/slurm.log")};
  for (const auto& [name, value] :
       {std::pair<const char*, std::string>("dependency", before.empty() ? "" : "afterok:" + before),
        {"partition", slurm.partition},
        {"time", slurm.time},
        {"gpus", slurm.gpus > 0 ? absl::StrCat(slurm.gpus) : ""},
        {"cpus-per-task", cpus > 0 ? absl::StrCat(cpus) : ""}}) {
    if (!value.empty()) {
      words.push_back(absl::StrCat("--", name, "=", value));
    }
  }
  words.insert(words.end(), slurm.more.begin(), slurm.more.end());
  words.push_back(ScriptPath(folder));
  return words;
}

absl::Status WriteJobs(const std::string& folder, const Jobs& jobs) {
  std::string text;
  for (const auto& [run, job] : jobs) {
    absl::StrAppend(&text, run, "\t", job, "\n");
  }
  return WriteFileAtomically(JobsPath(folder), text);
}

// The runs to submit, by the run that they begin from; -1: they can start at once. A run's key is smaller than its own
// place, so that in this order each run is submitted before those that wait for it.
using Groups = std::map<int64_t, std::vector<size_t>>;

struct Found {
  Groups missing;
  size_t complete = 0;
  size_t queued = 0;
};

absl::StatusOr<Found> Look(const SweepPlan& plan, const Jobs& jobs) {
  ASSIGN_OR_RETURN(const auto queue, QueuedJobs(jobs));
  Found found;
  std::vector<bool> complete;
  for (size_t i = 0; i < plan.runs.size(); ++i) {
    const SweepRun& run = plan.runs[i];
    ASSIGN_OR_RETURN(const std::optional<RunRecord> record, RecordOf(run));
    complete.push_back(record.has_value());
    if (record.has_value()) {
      ++found.complete;
      if (!plan.keep_checkpoints) {
        RemoveCheckpoints(run.out);
      }
    } else if (queue.count(FolderName(run)) > 0) {
      ++found.queued;
    } else {
      const bool waits = run.after >= 0 && !complete[static_cast<size_t>(run.after)];
      found.missing[waits ? run.after : -1].push_back(i);
    }
  }
  return found;
}

}  // namespace

absl::StatusOr<Jobs> SubmittedJobs(const std::string& folder) {
  Jobs jobs;
  std::error_code error;
  if (!std::filesystem::exists(JobsPath(folder), error)) {
    return jobs;
  }
  ASSIGN_OR_RETURN(const std::string text, ReadFile(JobsPath(folder)));
  int number = 0;
  for (const auto line : absl::StrSplit(absl::StripSuffix(text, "\n"), '\n')) {
    ++number;
    const std::vector<std::string> parts = absl::StrSplit(line, '\t');
    if (parts.size() != 2) {
      return absl::InvalidArgumentError(absl::StrCat(JobsPath(folder), ":", number,
                                                     ": not a run and its job; remove the file if none of the "
                                                     "sweep's jobs is in the queue"));
    }
    jobs[parts[0]] = parts[1];
  }
  return jobs;
}

absl::StatusOr<std::map<std::string, QueuedJob>> QueuedJobs(const Jobs& jobs) {
  std::map<std::string, QueuedJob> queued;
  if (jobs.empty()) {
    return queued;
  }
  ASSIGN_OR_RETURN(
      const std::string text,
      CommandOutput({"squeue", "--noheader", "--array", absl::StrCat("--user=", getuid()), "--format=%i|%T|%r|%S|%N"}));
  std::map<std::string, QueuedJob> by_id;
  for (const auto line : absl::StrSplit(text, '\n', absl::SkipEmpty())) {
    const std::vector<std::string> parts = absl::StrSplit(line, '|');
    if (parts.size() == 5) {
      by_id[parts[0]] = QueuedJob{parts[0], parts[1], parts[2], parts[3], parts[4]};
    }
  }
  for (const auto& [run, id] : jobs) {
    if (const auto found = by_id.find(id); found != by_id.end()) {
      queued[run] = found->second;
    }
  }
  return queued;
}

absl::Status SubmitSweep(const SweepOptions& options, std::ostream* out) {
  const std::string folder = SweepFolder(options);
  ASSIGN_OR_RETURN(const SweepPlan plan, PlanSweep(options));
  ASSIGN_OR_RETURN(Jobs jobs, SubmittedJobs(folder));
  ASSIGN_OR_RETURN(const Found found, Look(plan, jobs));
  std::error_code error;
  const std::filesystem::path program = std::filesystem::canonical(options.program, error);
  if (error) {
    return SystemError(options.program, error.value());
  }
  std::vector<std::string> made;
  RETURN_IF_ERROR(MakeFolders(folder, &made));
  ASSIGN_OR_RETURN(const bool new_script, WriteScript(ScriptPath(folder), Script(plan, options, program.string())));
  const int cpus = CpusOf(plan, options.slurm);
  size_t submitted = 0;
  for (const auto& [after, runs] : found.missing) {
    const std::string before = after < 0 ? "" : jobs[FolderName(plan.runs[static_cast<size_t>(after)])];
    const absl::StatusOr<std::string> submission = CommandOutput(SubmitCommand(options, runs, cpus, before));
    if (!submission.ok() && submitted == 0 && new_script) {
      std::filesystem::remove(ScriptPath(folder), error);
      RemoveEmpty(made);
    }
    ASSIGN_OR_RETURN(const std::string answer, submission);
    const std::string array = answer.substr(0, answer.find_first_of(";\n"));  // 12, or 12;CLUSTER
    for (const size_t run : runs) {
      jobs[FolderName(plan.runs[run])] = absl::StrCat(array, "_", run);
    }
    RETURN_IF_ERROR(WriteJobs(folder, jobs));
    submitted += runs.size();
  }
  *out << absl::StrCat(plan.runs.size(), plan.runs.size() == 1 ? " run: " : " runs: ", found.complete, " complete, ",
                       found.queued, " in the queue, ", submitted, " submitted\n");
  return absl::OkStatus();
}

}  // namespace metaprompt
