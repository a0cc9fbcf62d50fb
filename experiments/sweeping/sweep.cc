#include "experiments/sweeping/sweep.h"

#include <algorithm>
#include <chrono>
#include <csignal>
#include <filesystem>
#include <optional>
#include <string>
#include <thread>
#include <utility>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/strip.h"
#include "experiments/host/progress.h"
#include "experiments/host/stop_signals.h"
#include "experiments/host/threads.h"
#include "experiments/spec.h"
#include "experiments/sweeping/sweep_plan.h"
#include "experiments/workbench/read_record.h"
#include "metaprompt/base/process.h"
#include "metaprompt/base/status_macros.h"
#include "metaprompt/specs/spec_fields.h"

namespace metaprompt {
namespace {

using Clock = std::chrono::steady_clock;

constexpr int kStopped = 130;  // exit status of a run that was asked to stop

enum class State { kWaiting, kRunning, kComplete, kFailed };

struct Job {
  SweepRun run;
  State state = State::kWaiting;
  pid_t process = -1;
  Clock::time_point begun;
};

// The command that starts a run here. If several runs are in progress at a time, they share the cores.
std::vector<std::string> StartOf(const SweepRun& run, const SweepOptions& options) {
  const int threads = options.jobs > 1 ? std::max(1, ThreadsOr(run.planned.threads()) / options.jobs) : 0;
  std::vector<std::string> words = ArgumentsOf(run, options.events, threads);
  words.insert(words.begin(), "metaprompt");
  return words;
}

class Sweeper {
 public:
  Sweeper(const SweepOptions& options, SweepPlan plan, std::ostream* out, const std::atomic<bool>& stop)
      : options_(options), keep_checkpoints_(plan.keep_checkpoints), out_(out), stop_(stop) {
    for (SweepRun& run : plan.runs) {
      jobs_.push_back(Job{std::move(run), State::kWaiting, -1, {}});
    }
  }

  absl::Status Run() {
    for (Job& job : jobs_) {
      RETURN_IF_ERROR(Look(&job));
    }
    *out_ << absl::StrFormat("%d run%s, %d of them complete; %d at a time; the output of each is in FOLDER.log\n",
                             jobs_.size(), jobs_.size() == 1 ? "" : "s", Count(State::kComplete), options_.jobs)
          << std::flush;
    while (!(stop_.load() && Count(State::kRunning) == 0) && Step()) {
      std::this_thread::sleep_for(std::chrono::milliseconds(50));
    }
    const int64_t complete = Count(State::kComplete);
    const int64_t all = static_cast<int64_t>(jobs_.size());
    if (stop_.load() && complete + Count(State::kFailed) < all) {
      return absl::CancelledError(absl::StrCat("stopped with ", complete, " of ", all,
                                               " runs complete; the same command continues from there"));
    }
    if (complete < all) {
      return absl::AbortedError(
          absl::StrCat(all - complete, " of ", all, " runs failed; the same command tries again"));
    }
    *out_ << (all == 1 ? "the run is complete\n" : absl::StrFormat("all %d runs are complete\n", all));
    return absl::OkStatus();
  }

 private:
  int64_t Count(State state) const {
    return std::count_if(jobs_.begin(), jobs_.end(), [&](const Job& job) { return job.state == state; });
  }

  // Marks the run as complete if its folder is complete. It is an error if that run has another spec.
  absl::Status Look(Job* job) {
    ASSIGN_OR_RETURN(const std::optional<RunRecord> record, RecordOf(job->run));
    if (record.has_value()) {
      Complete(job);
    }
    return absl::OkStatus();
  }

  // Handles the runs that have ended, and starts those that can start. Returns false if none is running.
  bool Step() {
    for (Job& job : jobs_) {
      if (job.state == State::kRunning) {
        if (const std::optional<ProcessEnd> end = EndOf(job.process); end.has_value()) {
          End(&job, *end);
        }
      }
    }
    if (stop_.load()) {
      if (!asked_to_stop_) {
        asked_to_stop_ = true;
        for (const Job& job : jobs_) {
          if (job.state == State::kRunning) {
            kill(job.process, SIGINT);
          }
        }
      }
      return Count(State::kRunning) > 0;
    }
    for (Job& job : jobs_) {
      if (job.state == State::kWaiting && Count(State::kRunning) < options_.jobs) {
        Begin(&job);
      }
    }
    return Count(State::kRunning) > 0;
  }

  void Begin(Job* job) {
    if (job->run.after >= 0) {
      const Job& before = jobs_[static_cast<size_t>(job->run.after)];
      if (before.state == State::kFailed) {
        Fail(job, absl::StrCat("it begins from ", before.run.out, ", which failed"));
      }
      if (before.state != State::kComplete) {
        return;
      }
    }
    if (const absl::StatusOr<ExperimentSpec> spec = LoadSpec(job->run.spec, job->run.sets);
        !spec.ok() || SpecText(*spec) != SpecText(job->run.planned)) {
      Fail(job, absl::StrCat(job->run.spec, " has changed since the sweep began"));
      return;
    }
    std::error_code error;
    std::filesystem::create_directories(std::filesystem::path(job->run.out).parent_path(), error);
    const absl::StatusOr<pid_t> process =
        StartProgram(options_.program, StartOf(job->run, options_), job->run.out + ".log");
    if (!process.ok()) {
      Fail(job, std::string(process.status().message()));
      return;
    }
    job->process = *process;
    job->state = State::kRunning;
    job->begun = Clock::now();
  }

  void Complete(Job* job) {
    job->state = State::kComplete;
    if (!keep_checkpoints_) {
      RemoveCheckpoints(job->run.out);
    }
  }

  void Fail(Job* job, const std::string& why) {
    job->state = State::kFailed;
    *out_ << absl::StrCat(job->run.out, ": ", why, "\n") << std::flush;
  }

  void End(Job* job, const ProcessEnd& end) {
    const std::string log = job->run.out + ".log";
    if (end.signal != 0 || end.exit_status != 0) {
      // While a run is still starting, it does not handle the signal, which then kills it.
      const bool stopped =
          end.exit_status == kStopped || end.signal == SIGINT || end.signal == SIGTERM || end.signal == SIGUSR1;
      if (stop_.load() && stopped) {
        job->state = State::kWaiting;
      } else if (end.signal != 0) {
        Fail(job, absl::StrCat("ended by signal ", end.signal, "; see ", log));
      } else {
        Fail(job, absl::StrCat(absl::StripPrefix(LastLineOfLog(log), "error: "), " (", log, ")"));
      }
      return;
    }
    const absl::StatusOr<RunRecord> record = ReadRecord(job->run.out);
    if (!record.ok()) {
      Fail(job, std::string(record.status().message()));
      return;
    }
    Complete(job);
    *out_ << absl::StrFormat("%d/%d %s: %s (%s)\n", Count(State::kComplete), jobs_.size(), job->run.out,
                             Summary(*record),
                             Duration(std::chrono::duration<double>(Clock::now() - job->begun).count()))
          << std::flush;
  }

  const SweepOptions& options_;
  const bool keep_checkpoints_;
  std::ostream* const out_;
  const std::atomic<bool>& stop_;
  std::vector<Job> jobs_;
  bool asked_to_stop_ = false;
};

}  // namespace

absl::Status Sweep(const SweepOptions& options, std::ostream* out, const std::atomic<bool>& stop) {
  ASSIGN_OR_RETURN(SweepPlan plan, PlanSweep(options));
  if (options.dry_run) {
    for (const SweepRun& run : plan.runs) {
      *out << ShellLine(StartOf(run, options)) << '\n';
    }
    return absl::OkStatus();
  }
  // Some parent processes leave this signal ignored. Then the system would not keep the exit status of a child.
  std::signal(SIGCHLD, SIG_DFL);
  const StopsLater stops_later;
  return Sweeper(options, std::move(plan), out, stop).Run();
}

}  // namespace metaprompt
