#include "experiments/cli/run_commands.h"

#include <algorithm>
#include <filesystem>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "experiments/cli/message_json.h"
#include "experiments/fine_tuning/fine_tuning_record.h"
#include "experiments/host/output_file.h"
#include "experiments/host/progress.h"
#include "experiments/pretraining/pretraining_record.h"
#include "experiments/ranks/place.h"
#include "experiments/ranks/worker.h"
#include "experiments/report/class_results_table.h"
#include "experiments/report/comparison_text.h"
#include "experiments/report/formats/class_pictures.h"
#include "experiments/report/formats/report_format.h"
#include "experiments/report/report.h"
#include "experiments/report/report_spread.h"
#include "experiments/report/reported_runs.h"
#include "experiments/report/run_table.h"
#include "experiments/result.pb.h"
#include "experiments/runs/run.h"
#include "experiments/runs/run_inputs.h"
#include "experiments/spec.h"
#include "experiments/sweeping/slurm.h"
#include "experiments/sweeping/sweep.h"
#include "experiments/sweeping/sweep_runs.h"
#include "experiments/sweeping/sweep_status.h"
#include "experiments/watching/follow.h"
#include "experiments/watching/run_status.h"
#include "experiments/workbench/read_record.h"
#include "metaprompt/base/files.h"
#include "metaprompt/base/status_macros.h"

namespace metaprompt {
namespace {

struct RunOptions {
  RunFolderOptions folder;
  int processes = 1;
};

absl::Status Run(const RunOptions& run_options, const Console& console) {
  const RunFolderOptions& options = run_options.folder;
  ASSIGN_OR_RETURN(const Place place, PlaceOfRun(run_options.processes));
  ASSIGN_OR_RETURN(const ExperimentSpec spec, LoadSpec(options.spec.file, options.spec.sets));
  const std::string out = FolderOf(options, spec.name(), spec.seed());
  RETURN_IF_ERROR(UseKernelsOfRun(out));
  if (place.rank > 0) {
    return ServeRun(spec, place, *console.stop);
  }
  Progress progress(console.err, console.terminal);
  ASSIGN_OR_RETURN(const RunRecord record, RunExperiment(spec, out, &progress, *console.stop,
                                                         options.allow_other_environment, options.events, place));
  *console.out << '\n' << ResultTable(record) << "\nrecord: " << out << "/record.textproto\n";
  return absl::OkStatus();
}

void RegisterRun(Commands* commands) {
  auto options = std::make_shared<RunOptions>();
  CLI::App* run = commands->Add("run", "Meta-train, meta-test and write a record; continues a run that was stopped",
                                [options](const Console& console) { return Run(*options, console); },
                                {/*best_kernel=*/true, /*hears_signals=*/true});
  AddRunFolderOptions(kExperimentSpecHelp, "Run directory", run, &options->folder);
  run->add_option("--processes", options->processes,
                  "Number of processes on this machine that share the tasks; each has as many threads as the spec sets")
      ->capture_default_str()
      ->check(CLI::Range(1, 1024));
}

struct SweepCommandOptions {
  SweepOptions sweep;
  bool slurm = false;
  bool status = false;
};

absl::Status SweepCommand(const SweepCommandOptions& options, const Console& console) {
  RETURN_IF_ERROR(OnlyOneProcess("sweep"));
  return options.status  ? PrintSweepStatus(options.sweep, console.out)
         : options.slurm ? SubmitSweep(options.sweep, console.out)
                         : Sweep(options.sweep, console.out, *console.stop);
}

void AddSlurmOptions(CLI::App* sweep, SweepCommandOptions* options) {
  SlurmOptions* const slurm = &options->sweep.slurm;
  CLI::Option* const on =
      sweep->add_flag("--slurm", options->slurm, "Submit the runs to Slurm as arrays of jobs, and return");
  sweep->add_option("--partition", slurm->partition, "Slurm's partition [its default]")->needs(on);
  sweep->add_option("--time", slurm->time, "Limit of each job, as in 4:00:00; the run then continues in the next job")
      ->needs(on);
  sweep->add_option("--gpus", slurm->gpus, "GPUs of each job [none]")->check(CLI::Range(1, 1024))->needs(on);
  sweep->add_option("--cpus-per-task", slurm->cpus, "Cores of each job, and threads if a spec leaves them unset")
      ->check(CLI::Range(1, 1024))
      ->needs(on);
  sweep
      ->add_option("--sbatch-option", slurm->more,
                   "Another option of sbatch, as in --sbatch-option=--mem=8G; may be "
                   "repeated")
      ->allow_extra_args(false)
      ->type_name("OPTION")
      ->needs(on);
  CLI::Option* const status =
      sweep->add_flag("--status", options->status, "Print which runs wait, run, are complete or failed, and why");
  for (const char* other : {"--jobs", "--dry-run"}) {
    on->excludes(sweep->get_option(other));
    status->excludes(sweep->get_option(other));
  }
  status->excludes(on);
}

void RegisterSweep(Commands* commands) {
  auto all = std::make_shared<SweepCommandOptions>();
  SweepOptions* const options = &all->sweep;
  CLI::App* sweep = commands->Add("sweep", "Make many runs that differ in a few fields; skips those that are complete",
                                  [all](const Console& console) { return SweepCommand(*all, console); },
                                  {/*best_kernel=*/false, /*hears_signals=*/true});
  sweep->add_option("SWEEP", options->file, "Sweep, a text protobuf (experiments/sweep.proto)")->required();
  AddSetOption("Change a field in every run; may be repeated", sweep, &options->sets);
  sweep->add_option("--out", options->out, "Folder for the runs [runs/NAME for a sweep in NAME.textproto]");
  sweep
      ->add_option("--only", options->only,
                   "Make only the runs whose names contain PART, and those from which they start; may be repeated")
      ->allow_extra_args(false)
      ->type_name("PART");
  sweep->add_option("--jobs", options->jobs, "Number of runs at the same time; they share the cores")
      ->capture_default_str()
      ->check(CLI::Range(1, 1024));
  AddEventsOption("a folder, in which each run gets its own", sweep, &options->events);
  sweep->add_flag("--dry-run", options->dry_run, "Print the command of each run, and make no run");
  AddSlurmOptions(sweep, all.get());
}

struct ShowOptions {
  std::string run;
  bool json = false;
};

absl::Status Show(const ShowOptions& options, const Console& console) {
  if (IsPretraining(options.run)) {
    ASSIGN_OR_RETURN(const PretrainingRecord record, ReadPretraining(options.run));
    *console.out << (options.json ? MessageJson(record).dump(2) + "\n" : PretrainingText(record));
    return absl::OkStatus();
  }
  if (IsFineTuning(options.run)) {
    ASSIGN_OR_RETURN(const FineTuningRecord record, ReadFineTuning(options.run));
    *console.out << (options.json ? MessageJson(record).dump(2) + "\n"
                                  : absl::StrCat(FineTuningTable(record), "\n", FineTuningClasses(record)));
    return absl::OkStatus();
  }
  ASSIGN_OR_RETURN(const RunRecord record, ReadRecord(options.run));
  if (options.json) {
    *console.out << MessageJson(record).dump(2) << '\n';
    return absl::OkStatus();
  }
  *console.out << ResultTable(record);
  if (const std::string classes = ClassResultsText(record); !classes.empty()) {
    *console.out << '\n' << classes;
  }
  return absl::OkStatus();
}

void RegisterShow(Commands* commands) {
  auto options = std::make_shared<ShowOptions>();
  CLI::App* show = commands->Add("show", "Print the results of a run, a pre-training or a fine-tuning",
                                 [options](const Console& console) { return Show(*options, console); });
  show->add_option("DIR", options->run, "Folder of the run, the pre-training or the fine-tuning")->required();
  AddJsonOption("Print the record as JSON", show, &options->json);
}

struct ReportOptions {
  std::vector<std::string> runs;
  std::string format;
  std::string out;
  std::string baseline;
  bool spread = false;
  bool classes = false;
  bool chart = false;
  bool json = false;
  bool follow = false;
};

// The paths that may be runs. `runs/*/` also gives runs that were stopped or are not finished, and other files; these
// are left out with a remark. A single path is never left out, so that reading it gives an error.
std::vector<std::string> RunsAmong(const std::vector<std::string>& paths, const Console& console) {
  std::vector<std::string> runs;
  std::set<std::string> given;
  for (const std::string& path : paths) {
    std::error_code error;
    if (!given.insert(std::filesystem::weakly_canonical(std::string(absl::StripSuffix(path, "/")), error).string())
             .second) {
      *console.err << path << ": given twice; counted once\n";
    } else if (absl::EndsWith(absl::StripSuffix(path, "/"), ".partial")) {
      *console.err << path << ": not complete; left out\n";
    } else if (paths.size() > 1 && IsFineTuning(path)) {
      *console.err << path << ": a fine-tuning, which has no tasks and no row; `metaprompt show` prints it; left out\n";
    } else if (paths.size() > 1 && std::filesystem::exists(path, error) &&
               !std::filesystem::exists(absl::StrCat(path, "/record.textproto"), error)) {
      *console.err << path << ": not a run; left out\n";
    } else {
      runs.push_back(path);
    }
  }
  return runs;
}

// The files of these runs that a report must not replace, even if a run has no checksums. Other files in a run's folder
// may be replaced.
std::vector<std::string> FilesOf(const std::vector<std::string>& runs) {
  std::vector<std::string> files;
  for (const std::string& run : runs) {
    for (const char* name : {"record.textproto", "spec.textproto", "environment.textproto"}) {
      files.push_back(absl::StrCat(run, "/", name));
    }
  }
  return files;
}

absl::Status JoinedReport(const ReportOptions& options, const Console& console) {
  ASSIGN_OR_RETURN(const std::string format, FormatOf(options.json ? "json" : options.format, options.out));
  if (options.classes && format != "text") {
    return absl::InvalidArgumentError("--classes adds to the text format; HTML has the classes anyway");
  }
  if (options.chart && format != "text") {
    return absl::InvalidArgumentError("--chart adds to the text format; HTML has the chart anyway");
  }
  const std::vector<std::string> paths = RunsAmong(options.runs, console);
  if (paths.empty()) {
    return absl::FailedPreconditionError("no complete run is named");
  }
  if (!options.out.empty()) {
    RETURN_IF_ERROR(CheckOutput(options.out, FilesOf(paths)));
  }
  ASSIGN_OR_RETURN(std::vector<ReportedRun> runs, ReadRuns(paths));
  ASSIGN_OR_RETURN(Report report, JoinRuns(std::move(runs), options.baseline));
  if (options.spread) {
    RETURN_IF_ERROR(AddSpread(&report));
  }
  if (format == "html") {
    AddPictures(&report);
  }
  std::string text = FormattedReport(report, format);
  if (options.chart) {
    absl::StrAppend(&text, "\n", ComparisonText(report));
  }
  if (options.classes) {
    text += ClassResultsOfGroups(report);
  }
  if (!options.out.empty()) {
    return WriteFileAtomically(options.out, text);
  }
  *console.out << text;
  return absl::OkStatus();
}

// The runs among the paths, which need not exist yet. Files, and folders of other kinds, are left out with a remark.
std::vector<std::string> FollowedRuns(const std::vector<std::string>& paths, const Console& console) {
  std::vector<std::string> runs;
  for (const std::string& path : paths) {
    const std::string run = FollowedRun(path);
    std::error_code error;
    const bool other = std::filesystem::is_directory(run, error)
                           ? !std::filesystem::is_empty(run, error) && Observe(run).state == RunState::kWaiting
                           : std::filesystem::exists(run, error);
    if (other) {
      *console.err << path << ": not a run; left out\n";
    } else if (std::find(runs.begin(), runs.end(), run) == runs.end()) {
      runs.push_back(run);
    }
  }
  return runs;
}

absl::Status FollowReport(const ReportOptions& options, const Console& console) {
  FollowOptions follow;
  follow.runs = FollowedRuns(options.runs, console);
  follow.terminal = console.out_terminal;
  if (follow.runs.empty()) {
    return absl::FailedPreconditionError("no run is named");
  }
  return Follow(follow, console.out, *console.stop);
}

void RegisterReport(Commands* commands) {
  auto options = std::make_shared<ReportOptions>();
  CLI::App* report = commands->Add(
      "report", "Join runs into one table: seeds, intervals, paired differences", [options](const Console& console) {
        return options->follow ? FollowReport(*options, console) : JoinedReport(*options, console);
      });
  report->add_option("RUN", options->runs, "Run directories")->required();
  report->add_option("--format", options->format, "Format of the output [by the ending of FILE, or text]")
      ->check(CLI::IsMember(ReportFormats()));
  report->add_option("--out", options->out, "File to write [the standard output]")->type_name("FILE");
  report
      ->add_option("--baseline", options->baseline,
                   "Name or directory of the run with which the others are compared; NAME/random and NAME/pre-trained "
                   "are its start [each run's own start]")
      ->type_name("NAME");
  AddJsonOption("The same as --format json", report, &options->json);
  report->get_option("--json")->excludes("--format");
  report->add_flag("--chart", options->chart, "Add charts: accuracies as points on an axis, with their intervals");
  report->add_flag("--classes", options->classes,
                   "Add the results of each test class and the confusion matrix, for every run");
  report->add_flag("--spread", options->spread, "Add rows that show how much the runs differ on the same episodes");
  CLI::Option* follow = report->add_flag("--follow", options->follow,
                                         "Show what runs in progress are doing, until all are finished or failed");
  for (const char* other : {"--format", "--out", "--baseline", "--json", "--chart", "--classes", "--spread"}) {
    follow->excludes(report->get_option(other));
  }
}

}  // namespace

void RegisterRunCommands(Commands* commands) {
  RegisterRun(commands);
  RegisterSweep(commands);
  RegisterShow(commands);
  RegisterReport(commands);
}

}  // namespace metaprompt
