#include "experiments/runs/sweep.h"

#include <algorithm>
#include <chrono>
#include <csignal>
#include <filesystem>
#include <optional>
#include <string>
#include <thread>
#include <utility>

#include "absl/status/statusor.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "experiments/host/progress.h"
#include "experiments/host/stop_signals.h"
#include "experiments/host/threads.h"
#include "experiments/runs/sweep_plan.h"
#include "experiments/spec.h"
#include "experiments/workbench/read_record.h"
#include "metaprompt/base/checksums.h"
#include "metaprompt/base/files.h"
#include "metaprompt/base/process.h"
#include "metaprompt/base/status_macros.h"
#include "metaprompt/specs/field_rules.h"
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

// The spec without the fields that change a run's numbers only by rounding. A field that is newer than the record has
// its default.
std::string ComparedSpec(ExperimentSpec spec) {
  WriteOutDefaults(&spec);
  spec.clear_threads();
  spec.clear_tasks_together();
  return SpecText(spec);
}

// "1-shot meta-learned 66.12 ± 1.38 %, 5-shot ...": the last initialisation that was tested.
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

std::string LastLine(const std::string& path) {
  const absl::StatusOr<std::string> text = ReadFile(path);
  if (!text.ok()) {
    return std::string(text.status().message());
  }
  const std::vector<std::string> lines = absl::StrSplit(*text, '\n', absl::SkipWhitespace());
  return lines.empty() ? "it printed nothing" : lines.back();
}

void RemoveCheckpoints(const std::string& folder) {
  std::error_code error;
  std::vector<std::filesystem::path> found;
  for (std::filesystem::directory_iterator at(folder, error), end; !error && at != end; at.increment(error)) {
    if (absl::StartsWith(at->path().filename().string(), "checkpoint-")) {
      found.push_back(at->path());
    }
  }
  absl::StatusOr<Checksums> sums = Checksums::Read(folder);
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

// The arguments of `metaprompt` for a run. If the run's spec leaves `threads` unset, the run gets the number with which
// an earlier process began it, or otherwise its share of the cores.
std::vector<std::string> ArgumentsOf(const SweepRun& run, const SweepOptions& options) {
  std::vector<std::string> arguments = RunArguments(run);
  if (options.events.on) {
    const std::string& folder = options.events.folder;
    const std::string name = std::filesystem::path(run.out).filename().string();
    arguments.push_back(folder.empty() ? "--tensorboard" : absl::StrCat("--tensorboard=", folder, "/", name));
  }
  if (run.planned.threads() > 0) {
    return arguments;
  }
  int threads = options.jobs > 1 ? std::max(1, ThreadsOr(run.planned.threads()) / options.jobs) : 0;
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
    const std::string& folder = job->run.out;
    std::error_code error;
    if (!std::filesystem::exists(folder, error)) {
      return absl::OkStatus();
    }
    ASSIGN_OR_RETURN(const RunRecord record, ReadRecord(folder));
    if (ComparedSpec(record.spec()) != ComparedSpec(job->run.planned)) {
      return absl::FailedPreconditionError(absl::StrCat(
          folder, ": the complete run there has another spec; remove it, or name another folder with --out"));
    }
    Complete(job);
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
    std::vector<std::string> arguments = ArgumentsOf(job->run, options_);
    arguments.insert(arguments.begin(), "metaprompt");
    const absl::StatusOr<pid_t> process = StartProgram(options_.program, arguments, job->run.out + ".log");
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
        Fail(job, absl::StrCat(absl::StripPrefix(LastLine(log), "error: "), " (", log, ")"));
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
  const std::string folder = !options.out.empty()
                                 ? (std::filesystem::path(options.out) / "").lexically_normal().parent_path().string()
                                 : absl::StrCat("runs/", std::filesystem::path(options.file).stem().string());
  ASSIGN_OR_RETURN(SweepPlan plan, PlanSweep(options.file, options.sets, options.only, folder));
  if (options.dry_run) {
    for (const SweepRun& run : plan.runs) {
      std::vector<std::string> words = {"metaprompt"};
      for (const std::string& argument : ArgumentsOf(run, options)) {
        const bool plain = argument.find_first_of(" \t\"'$&|;<>(){}*?[]\\`!#~") == std::string::npos;
        words.push_back(plain ? argument : absl::StrCat("'", absl::StrReplaceAll(argument, {{"'", "'\\''"}}), "'"));
      }
      *out << absl::StrJoin(words, " ") << '\n';
    }
    return absl::OkStatus();
  }
  // Some parent processes leave this signal ignored. Then the system would not keep the exit status of a child.
  std::signal(SIGCHLD, SIG_DFL);
  const StopsLater stops_later;
  return Sweeper(options, std::move(plan), out, stop).Run();
}

}  // namespace metaprompt
