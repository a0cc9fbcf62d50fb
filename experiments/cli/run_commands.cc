#include "experiments/cli/run_commands.h"

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "experiments/host/progress.h"
#include "experiments/report/report.h"
#include "experiments/report/report_format.h"
#include "experiments/report/report_spread.h"
#include "experiments/report/reported_runs.h"
#include "experiments/report/run_table.h"
#include "experiments/result.pb.h"
#include "experiments/runs/run.h"
#include "experiments/runs/run_inputs.h"
#include "experiments/runs/sweep.h"
#include "experiments/spec.h"
#include "experiments/workbench/read_record.h"
#include "metaprompt/base/files.h"
#include "metaprompt/base/status_macros.h"

namespace metaprompt {
namespace {

struct RunOptions {
  SpecOptions spec;
  std::string out;
  bool allow_other_environment = false;
};

absl::Status Run(const RunOptions& options, const Console& console) {
  ASSIGN_OR_RETURN(const ExperimentSpec spec, LoadSpec(options.spec.file, options.spec.sets));
  const std::string out = options.out.empty() ? absl::StrCat("runs/", spec.name(), "-seed", spec.seed()) : options.out;
  RETURN_IF_ERROR(UseKernelsOfRun(out));
  Progress progress(console.err, console.terminal);
  ASSIGN_OR_RETURN(const RunRecord record,
                   RunExperiment(spec, out, &progress, *console.stop, options.allow_other_environment));
  *console.out << '\n' << ResultTable(record) << "\nrecord: " << out << "/record.textproto\n";
  return absl::OkStatus();
}

void RegisterRun(Commands* commands) {
  auto options = std::make_shared<RunOptions>();
  CLI::App* run = commands->Add("run", "Meta-train, meta-test and leave a record; continues a run that was stopped",
                                [options](const Console& console) { return Run(*options, console); });
  AddSpecOptions(/*required=*/true, run, &options->spec);
  run->add_option("--out", options->out, "Run directory, new or of the stopped run [runs/NAME-seedSEED]");
  run->add_flag("--allow-other-environment", options->allow_other_environment,
                "Continue a run where LibTorch, BLAS or its kernel differ from where it began; this is noted");
}

void RegisterSweep(Commands* commands) {
  auto options = std::make_shared<SweepOptions>();
  CLI::App* sweep =
      commands->Add("sweep", "Make many runs that differ in a few fields; skips those that are complete",
                    [options](const Console& console) { return Sweep(*options, console.out, *console.stop); });
  sweep->add_option("SWEEP", options->file, "Sweep, a text protobuf (experiments/sweep.proto)")->required();
  AddSetOption("Change a field in every run; may be repeated", sweep, &options->sets);
  sweep->add_option("--out", options->out, "Folder for the runs [runs/NAME, by SWEEP's file name]");
  sweep->add_option("--only", options->only, "Only runs whose name contains this; may be repeated")
      ->allow_extra_args(false)
      ->type_name("PART");
  sweep->add_option("--jobs", options->jobs, "Runs at a time; they share the cores")
      ->capture_default_str()
      ->check(CLI::Range(1, 1024));
  sweep->add_flag("--dry-run", options->dry_run, "Print the commands and run none");
}

absl::Status Show(const std::string& run, const Console& console) {
  ASSIGN_OR_RETURN(const RunRecord record, ReadRecord(run));
  *console.out << ResultTable(record);
  return absl::OkStatus();
}

void RegisterShow(Commands* commands) {
  auto run = std::make_shared<std::string>();
  CLI::App* show = commands->Add("show", "Print the result table of a run",
                                 [run](const Console& console) { return Show(*run, console); });
  show->add_option("DIR", *run, "Run directory")->required();
}

struct ReportOptions {
  std::vector<std::string> runs;
  std::string format;
  std::string out;
  std::string baseline;
  bool spread = false;
};

absl::Status JoinedReport(const ReportOptions& options, const Console& console) {
  if (options.format.empty() && !options.out.empty() && !EndsAsAReport(options.out)) {
    return absl::InvalidArgumentError(
        absl::StrCat(options.out, ": no format has this ending; choose one with --format"));
  }
  // `runs/*/` also names runs that were stopped or are not finished.
  std::vector<std::string> paths;
  for (const std::string& path : options.runs) {
    if (absl::EndsWith(absl::StripSuffix(path, "/"), ".partial")) {
      *console.err << path << ": not complete; left out\n";
    } else {
      paths.push_back(path);
    }
  }
  if (paths.empty()) {
    return absl::FailedPreconditionError("no complete run is named");
  }
  ASSIGN_OR_RETURN(std::vector<ReportedRun> runs, ReadRuns(paths));
  ASSIGN_OR_RETURN(Report report, JoinRuns(std::move(runs), options.baseline));
  if (options.spread) {
    RETURN_IF_ERROR(AddSpread(&report));
  }
  const std::string text = FormattedReport(report, options.format, options.out);
  if (!options.out.empty()) {
    return WriteFileAtomically(options.out, text);
  }
  *console.out << text;
  return absl::OkStatus();
}

void RegisterReport(Commands* commands) {
  auto options = std::make_shared<ReportOptions>();
  CLI::App* report = commands->Add("report", "Join runs into one table: seeds, intervals, paired differences",
                                   [options](const Console& console) { return JoinedReport(*options, console); });
  report->add_option("RUN", options->runs, "Run directories")->required();
  report->add_option("--format", options->format, "text, markdown, latex, csv or html [by FILE's ending, or text]")
      ->check(CLI::IsMember(ReportFormats()));
  report->add_option("--out", options->out, "File to write [the standard output]")->type_name("FILE");
  report
      ->add_option("--baseline", options->baseline,
                   "Run that the others are compared with, by name or directory; NAME/random for what it starts from "
                   "[what each run starts from]")
      ->type_name("NAME");
  report->add_flag("--spread", options->spread,
                   "Also how far the runs lie apart on the same episodes, as with different templates");
}

}  // namespace

void RegisterRunCommands(Commands* commands) {
  RegisterRun(commands);
  RegisterSweep(commands);
  RegisterShow(commands);
  RegisterReport(commands);
}

}  // namespace metaprompt
