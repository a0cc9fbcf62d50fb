#include "experiments/sweeping/sweep_status.h"

#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/string_view.h"
#include "absl/strings/strip.h"
#include "experiments/sweeping/slurm.h"
#include "experiments/sweeping/sweep_plan.h"
#include "experiments/watching/run_status.h"
#include "metaprompt/base/status_macros.h"

namespace metaprompt {
namespace {

enum class State { kComplete, kRunning, kWaiting, kStopped, kFailed, kNotBegun };

constexpr const char* kStates[] = {"complete", "running", "waiting", "stopped", "failed", "not begun"};

const char* NameOf(State state) { return kStates[static_cast<size_t>(state)]; }

struct Described {
  State state = State::kNotBegun;
  std::string detail;  // may be empty
};

// What the run is doing, or did last: "1-shot meta-training 40/100"; empty if that is not known.
std::string Work(const ObservedRun& observed) {
  const RunStatus& status = observed.status;
  return status.unit().empty() ? status.what() : absl::StrCat(status.what(), " ", status.done(), "/", status.total());
}

// The words, without those that are empty.
std::string Joined(const std::vector<std::string>& words) {
  std::vector<std::string> some;
  for (const std::string& word : words) {
    if (!word.empty()) {
      some.push_back(word);
    }
  }
  return absl::StrJoin(some, ", ");
}

Described OfQueued(const QueuedJob& job, const ObservedRun& observed, const std::string& before) {
  const std::string name = absl::StrCat("job ", job.id);
  if (job.state != "PENDING") {
    return {State::kRunning,
            Joined({absl::StrCat(job.state == "RUNNING" ? "" : job.state + " ", "since ", job.start, " on ", job.nodes),
                    Work(observed), name})};
  }
  const std::string why = job.reason == "Dependency" ? "for " + before : absl::StrCat("reason: ", job.reason);
  const std::string work = Work(observed);
  return {State::kWaiting, Joined({why, work.empty() ? "" : "continues from " + work, name})};
}

// A run that is neither complete nor in the queue. `job`: by which it was submitted last; empty: by none.
Described OfOther(const SweepRun& run, const ObservedRun& observed, const std::string& job, const std::string& folder) {
  const std::string log = run.out + ".log";
  const bool begun = observed.state != RunState::kWaiting;
  std::string last = begun || !job.empty() ? LastLineOfLog(log) : "";
  absl::string_view error = last;
  switch (observed.state) {
    case RunState::kRunning:
      return {State::kRunning, Work(observed)};
    case RunState::kFailed:
      return {State::kFailed, absl::StrCat(observed.status.error(), " (", log, ")")};
    case RunState::kStopped:
    case RunState::kWaiting:
    case RunState::kFinished:
      break;
  }
  if (absl::ConsumePrefix(&error, "error: ")) {
    return {State::kFailed, absl::StrCat(error, " (", log, ")")};
  }
  const std::string gone =
      job.empty() ? "" : absl::StrCat("job ", job, " has left the queue; ", folder, "/slurm.log may have the reason");
  return {begun ? State::kStopped : job.empty() ? State::kNotBegun : State::kFailed, Joined({Work(observed), gone})};
}

}  // namespace

absl::Status PrintSweepStatus(const SweepOptions& options, std::ostream* out) {
  const std::string folder = SweepFolder(options);
  ASSIGN_OR_RETURN(const SweepPlan plan, PlanSweep(options));
  ASSIGN_OR_RETURN(auto jobs, SubmittedJobs(folder));
  auto queue = QueuedJobs(jobs);
  if (!queue.ok()) {
    *out << absl::StrCat("by the files alone, because ", queue.status().message(), "\n");
    queue = std::map<std::string, QueuedJob>();
    jobs.clear();
  }
  std::vector<Described> all;
  std::map<State, size_t> counts;
  for (const SweepRun& run : plan.runs) {
    const std::string name = FolderName(run);
    // First the queue: a job that leaves it meanwhile has then renamed its folder.
    const auto queued = queue->find(name);
    const absl::StatusOr<std::optional<RunRecord>> record = RecordOf(run);
    const ObservedRun observed = Observe(run.out);
    const bool waits = run.after >= 0 && all[static_cast<size_t>(run.after)].state != State::kComplete;
    const std::string before = run.after >= 0 ? plan.runs[static_cast<size_t>(run.after)].out : "";
    Described described;
    if (!record.ok()) {
      described = {State::kFailed, std::string(record.status().message())};
    } else if (record->has_value()) {
      described = {State::kComplete, Summary(**record)};
    } else if (queued != queue->end()) {
      described = OfQueued(queued->second, observed, before);
    } else if (waits && observed.state == RunState::kWaiting) {
      described = {State::kNotBegun, absl::StrCat("it begins from ", before, " (",
                                                  NameOf(all[static_cast<size_t>(run.after)].state), ")")};
    } else {
      const auto job = jobs.find(name);
      described = OfOther(run, observed, job == jobs.end() ? "" : job->second, folder);
    }
    *out << absl::StrCat(run.out, ": ", Joined({NameOf(described.state), described.detail}), "\n");
    ++counts[described.state];
    all.push_back(described);
  }
  std::vector<std::string> parts;
  for (const auto& [state, count] : counts) {
    parts.push_back(absl::StrCat(count, " ", NameOf(state)));
  }
  *out << absl::StrCat(plan.runs.size(), plan.runs.size() == 1 ? " run: " : " runs: ", absl::StrJoin(parts, ", "),
                       "\n");
  return absl::OkStatus();
}

}  // namespace metaprompt
