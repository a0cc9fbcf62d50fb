#include "experiments/cli/command_line.h"

#include <c10/util/Exception.h>

#include <CLI/CLI.hpp>
#include <cerrno>
#include <cstring>
#include <exception>
#include <fstream>
#include <limits>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "absl/strings/strip.h"
#include "datasets/dataset.h"
#include "datasets/sources/load_dataset.h"
#include "experiments/commands/bench.h"
#include "experiments/commands/bench_memory.h"
#include "experiments/commands/classify.h"
#include "experiments/commands/encode.h"
#include "experiments/commands/export_run.h"
#include "experiments/commands/show_episodes.h"
#include "experiments/commands/tokenize.h"
#include "experiments/host/environment.h"
#include "experiments/report/report.h"
#include "experiments/report/report_format.h"
#include "experiments/report/report_spread.h"
#include "experiments/report/reported_runs.h"
#include "experiments/report/run_table.h"
#include "experiments/result.pb.h"
#include "experiments/runs/read_record.h"
#include "experiments/runs/run.h"
#include "experiments/runs/sweep.h"
#include "experiments/spec.h"
#include "metaprompt/base/files.h"
#include "metaprompt/base/spec_fields.h"
#include "metaprompt/base/text.h"

namespace metaprompt {
namespace {

constexpr int kFailed = 1;
constexpr int kUsage = 2;
constexpr int kStopped = 130;

struct Options {
  std::string spec;
  std::vector<std::string> sets;
  std::string out;
  int shots = 0;
  std::string field;
  int rounds = 5;
  bool memory = false;
  std::string only;
  int threads = 0;
  std::string encoder;
  std::string file;
  std::string what = "states";
  int max_tokens = 0;
  bool allow_unknown = false;
  TokenizeOptions tokenize;
  ClassifyOptions classify;
  EpisodesOptions episodes;
  std::vector<std::string> runs;
  std::string format;
  std::string baseline;
  bool spread = false;
  SweepOptions sweep;
};

// Lines of the file, or of the standard input where none is named.
absl::Status OpenLines(const std::string& path, const Console& console, std::ifstream* file, std::istream** lines) {
  *lines = console.in;
  if (!path.empty()) {
    file->open(path, std::ios::binary);
    *lines = file;
    if (!file->good()) {
      return absl::NotFoundError(absl::StrCat("cannot read ", path, ": ", std::strerror(errno)));
    }
  }
  return absl::OkStatus();
}

absl::Status Run(const Options& options, const Console& console) {
  const absl::StatusOr<ExperimentSpec> spec = LoadSpec(options.spec, options.sets);
  if (!spec.ok()) {
    return spec.status();
  }
  const std::string out =
      options.out.empty() ? absl::StrCat("runs/", spec->name(), "-seed", spec->seed()) : options.out;
  Progress progress(console.err, console.terminal);
  const absl::StatusOr<RunRecord> record = RunExperiment(*spec, out, &progress, *console.stop);
  if (!record.ok()) {
    return record.status();
  }
  *console.out << '\n' << ResultTable(*record) << "\nrecord: " << out << "/record.textproto\n";
  return absl::OkStatus();
}

absl::Status Show(const Options& options, const Console& console) {
  const absl::StatusOr<RunRecord> record = ReadRecord(options.out);
  if (record.ok()) {
    *console.out << ResultTable(*record);
  }
  return record.status();
}

// The dataset of a spec file; without one, the machine's package index.
absl::StatusOr<Dataset> DatasetOf(const Options& options) {
  if (options.spec.empty()) {
    DatasetSpec debian;
    debian.mutable_debian();
    return LoadDataset(debian);
  }
  const absl::StatusOr<DatasetSpec> spec = LoadDatasetSpec(options.spec, options.sets);
  if (!spec.ok()) {
    return spec.status();
  }
  return LoadDataset(*spec);
}

absl::Status PrintDataset(const Options& options, const Console& console, std::string (*text)(const Dataset&)) {
  const absl::StatusOr<Dataset> dataset = DatasetOf(options);
  if (!dataset.ok()) {
    return dataset.status();
  }
  *console.out << text(*dataset);
  return absl::OkStatus();
}

absl::Status Episodes(const Options& options, const Console& console) {
  const absl::StatusOr<ExperimentSpec> spec = LoadSpec(options.spec, options.sets);
  if (!spec.ok()) {
    return spec.status();
  }
  const absl::StatusOr<std::string> text =
      options.episodes.save.empty() ? EpisodeText(*spec, options.episodes) : SaveEpisodes(*spec, options.episodes);
  if (text.ok()) {
    *console.out << *text;
  }
  return text.status();
}

absl::Status PrintSpec(const Options& options, const Console& console) {
  std::string text;
  const absl::Status status = DescribeFields(ExperimentSpec(), options.field, &text);
  *console.out << text;
  return status;
}

absl::Status CheckSpecFile(const Options& options, const Console& console) {
  const absl::StatusOr<ExperimentSpec> spec = LoadSpec(options.spec, options.sets);
  if (spec.ok()) {
    *console.out << SpecText(*spec);
  }
  return spec.status();
}

absl::Status RunBench(const Options& options, const Console& console) {
  const absl::StatusOr<ExperimentSpec> spec = LoadSpec(options.spec, options.sets);
  if (!spec.ok()) {
    return spec.status();
  }
  return options.memory ? BenchMemory(*spec, console.out) : Bench(*spec, options.rounds, options.only, console.out);
}

absl::Status Encode(const Options& options, const Console& console) {
  std::ifstream file;
  std::istream* lines = nullptr;
  if (const absl::Status status = OpenLines(options.file, console, &file, &lines); !status.ok()) {
    return status;
  }
  ExperimentSpec spec;
  spec.set_threads(options.threads);
  EncodeOptions encode;
  encode.encoder = options.encoder;
  encode.text = options.file;
  encode.out = options.out;
  encode.mask_logits = options.what == "mask-logits";
  encode.max_tokens = options.max_tokens;
  encode.allow_unknown = options.allow_unknown;
  encode.threads = ThreadsOf(spec);
  Progress progress(console.err, console.terminal);
  return EncodeLines(encode, lines, &progress, *console.stop);
}

absl::Status Export(const Options& options, const Console& console) {
  const absl::StatusOr<std::string> written = ExportRun(options.file, options.shots, options.out);
  if (written.ok()) {
    *console.out << *written << '\n';
  }
  return written.status();
}

absl::Status Classify(const Options& options, const Console& console) {
  std::ifstream file;
  std::istream* lines = nullptr;
  if (const absl::Status status = OpenLines(options.classify.text, console, &file, &lines); !status.ok()) {
    return status;
  }
  ExperimentSpec spec;
  spec.set_threads(options.threads);
  ClassifyOptions classify = options.classify;
  classify.threads = ThreadsOf(spec);
  Progress progress(console.err, console.terminal);
  return ClassifyLines(classify, lines, console.out, &progress);
}

absl::Status JoinedReport(const Options& options, const Console& console) {
  if (options.format.empty() && !options.out.empty() && !EndsAsAReport(options.out)) {
    return absl::InvalidArgumentError(
        absl::StrCat(options.out, ": no format has this ending; say which with --format"));
  }
  // `runs/*/` names stopped runs, and those that go on at present, too.
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
  absl::StatusOr<std::vector<ReportedRun>> runs = ReadRuns(paths);
  if (!runs.ok()) {
    return runs.status();
  }
  absl::StatusOr<Report> report = JoinRuns(*std::move(runs), options.baseline);
  if (!report.ok()) {
    return report.status();
  }
  if (options.spread) {
    if (const absl::Status status = AddSpread(&*report); !status.ok()) {
      return status;
    }
  }
  const std::string text = FormattedReport(*report, options.format, options.out);
  if (!options.out.empty()) {
    return WriteFileAtomically(options.out, text);
  }
  *console.out << text;
  return absl::OkStatus();
}

absl::Status RunSweep(const Options& options, const Console& console) {
  SweepOptions sweep = options.sweep;
  sweep.sets = options.sets;
  sweep.out = options.out;
  return Sweep(sweep, console.out, *console.stop);
}

absl::Status Doctor(const Options& options, const Console& console) {
  ExperimentSpec spec;
  spec.set_threads(options.threads);
  *console.out << DoctorText(ThreadsOf(spec));
  return absl::OkStatus();
}

absl::Status Tokenize(const Options& options, const Console& console) {
  return TokenizeLines(options.tokenize, console.in, console.out);
}

int ExitStatus(const absl::Status& status, const Console& console) {
  if (status.ok()) {
    if (console.out->flush().good()) {
      return 0;
    }
    *console.err << "error: cannot write to the standard output\n";
    return kFailed;
  }
  if (absl::IsCancelled(status)) {
    *console.err << std::string(status.message()) << '\n';
    return kStopped;
  }
  *console.err << "error: " << std::string(status.message()) << '\n';
  return kFailed;
}

// What is wrong with the command line, in one line that says where help is.
std::string UsageError(const CLI::App& app, const CLI::ParseError& error) {
  const CLI::App* at = &app;
  std::string command = app.get_name();
  while (!at->get_subcommands().empty()) {
    at = at->get_subcommands().front();
    absl::StrAppend(&command, " ", at->get_name());
  }
  std::string what = error.what();
  if (const std::vector<const CLI::App*> known = at->get_subcommands({}); !known.empty()) {
    const std::vector<std::string> rest = app.remaining(/*recurse=*/true);
    what = absl::StrCat(rest.empty() ? "a command is missing" : absl::StrCat("there is no command ", Quoted(rest[0])),
                        "; known: ", absl::StrJoin(known, ", ", [](std::string* out, const CLI::App* sub) {
                          absl::StrAppend(out, sub->get_name());
                        }));
  }
  return absl::StrCat("error: ", what, "; `", command, " --help` tells more\n");
}

}  // namespace

int RunCommand(const std::vector<std::string>& arguments, const Console& console) {
  Options options;
  CLI::App app("metaprompt: learn where a soft prompt should start, so that a few labelled texts go far.",
               "metaprompt");
  app.require_subcommand(1);
  app.set_help_all_flag("--help-all", "Help for every command");
  absl::Status (*action)(const Options&, const Console&) = nullptr;
  const auto command = [&](CLI::App* parent, const char* name, const char* help,
                           absl::Status (*function)(const Options&, const Console&)) {
    CLI::App* sub = parent->add_subcommand(name, help);
    sub->callback([&action, function] { action = function; });
    return sub;
  };
  const auto takes_spec = [&](CLI::App* sub, bool required) {
    sub->add_option("SPEC", options.spec, "Experiment spec, a text protobuf; `metaprompt spec` lists its fields")
        ->required(required);
    sub->add_option("--set", options.sets, "FIELD=VALUE, as in learner.inner.steps=5; may be repeated")
        ->allow_extra_args(false)
        ->type_name("FIELD=VALUE");
  };

  CLI::App* run = command(&app, "run", "Meta-train, meta-test, and leave a record; goes on if it was stopped", Run);
  takes_spec(run, true);
  run->add_option("--out", options.out, "Run directory; where the run stopped before, it goes on [runs/NAME-seedSEED]");
  CLI::App* sweep =
      command(&app, "sweep", "Many runs, from what differs between them; does what is not done yet", RunSweep);
  sweep->add_option("SWEEP", options.sweep.file, "Sweep, a text protobuf (experiments/sweep.proto)")->required();
  sweep->add_option("--set", options.sets, "FIELD=VALUE for every run; may be repeated")
      ->allow_extra_args(false)
      ->type_name("FIELD=VALUE");
  sweep->add_option("--out", options.out, "Folder of the runs [runs/, and SWEEP's name]");
  sweep->add_option("--only", options.sweep.only, "Only runs whose name holds this; may be repeated")
      ->allow_extra_args(false)
      ->type_name("PART");
  sweep->add_option("--jobs", options.sweep.jobs, "Runs at a time; they share the cores")
      ->capture_default_str()
      ->check(CLI::Range(1, 1024));
  sweep->add_flag("--dry-run", options.sweep.dry_run, "Print the commands, and run none");
  CLI::App* show = command(&app, "show", "Print the table of a run", Show);
  show->add_option("DIR", options.out, "Run directory")->required();
  CLI::App* check = command(&app, "check", "Check a spec and print it with every default", CheckSpecFile);
  takes_spec(check, true);
  CLI::App* describe = command(&app, "spec", "List a spec's fields: type, default, range, meaning", PrintSpec);
  describe->add_option("GROUP", options.field, "Only this field and those below it, as in learner.maml");
  CLI::App* episodes =
      command(&app, "episodes", "Print one episode, its classes and texts; or save many, for all to meet", Episodes);
  takes_spec(episodes, true);
  episodes->add_option("--split", options.episodes.split, "train, valid or test")
      ->capture_default_str()
      ->check(CLI::IsMember({"train", "valid", "test"}));
  CLI::Option* index = episodes->add_option("--index", options.episodes.index, "Which episode")
                           ->capture_default_str()
                           ->check(CLI::Range(int64_t{0}, std::numeric_limits<int64_t>::max()));
  episodes->add_option("--shots", options.episodes.shots, "Support texts a class [the spec's first; saved: all]")
      ->check(CLI::Range(1, 1000));
  CLI::Option* save_to =
      episodes->add_option("--save", options.episodes.save, "Write episodes to this file, for a spec's test.manifest")
          ->type_name("FILE")
          ->excludes(index);
  episodes->add_option("--count", options.episodes.count, "How many to save [the spec's test.episodes]")
      ->check(CLI::Range(1, 1000000))
      ->needs(save_to);
  CLI::App* datasets = app.add_subcommand("datasets", "Look at a dataset");
  datasets->require_subcommand(1);
  takes_spec(command(datasets, "stats", "Classes, counts, lengths, duplicates, hash",
                     [](const Options& o, const Console& c) { return PrintDataset(o, c, StatsText); }),
             false);
  takes_spec(command(datasets, "export", "split, label, name and text, tab-separated: what the hash is of",
                     [](const Options& o, const Console& c) { return PrintDataset(o, c, ExportText); }),
             false);
  CLI::App* bench = command(&app, "bench", "Time each learner on a spec's data and model", RunBench);
  takes_spec(bench, true);
  bench->add_option("--rounds", options.rounds, "Rounds that the median is of")
      ->capture_default_str()
      ->check(CLI::Range(1, 1000));
  bench->add_option("--only", options.only, "Only the rows whose name holds this, as in Reptile");
  bench->add_flag("--memory", options.memory,
                  "Peak memory of exact meta-gradients instead: graph recomputed and kept, one inner step and ten");
  CLI::App* encode =
      command(&app, "encode", "Lines of text through a checkpoint's encoder, into a safetensors file", Encode);
  encode->add_option("--encoder", options.encoder, "Hugging Face folder")->required();
  encode->add_option("--out", options.out, "File to write: input_ids, offsets, and states or logits")->required();
  encode->add_option("FILE", options.file, "Text, one a line [standard input]");
  encode
      ->add_option("--what", options.what,
                   "states: the last hidden states; mask-logits: the MLM logits at each line's mask")
      ->capture_default_str()
      ->check(CLI::IsMember({"states", "mask-logits"}));
  encode->add_option("--max-tokens", options.max_tokens, "Longest line; what is beyond is cut [the encoder's]")
      ->check(CLI::Range(3, 100000));
  encode->add_flag("--allow-unknown", options.allow_unknown, "Leave tensors unused that the architecture doesn't know");
  encode->add_option("--threads", options.threads, "Threads [one a core]")->check(CLI::Range(1, 1024));
  CLI::App* save =
      command(&app, "export", "Write a run's best encoder as a Hugging Face folder, with its soft prompt", Export);
  save->add_option("RUN", options.file, "Run directory")->required();
  save->add_option("--out", options.out, "Folder to make")->required();
  save->add_option("--shots", options.shots, "Which initialisation [the run's largest]")->check(CLI::Range(1, 1000));
  CLI::App* classify =
      command(&app, "classify", "Label texts by a run's initialisation, after a few examples of your own", Classify);
  classify->add_option("--run", options.classify.run, "Run directory")->required()->type_name("DIR");
  classify->add_option("--support", options.classify.support, "Examples, `label<TAB>text` or `label<TAB>name<TAB>text`")
      ->required()
      ->type_name("FILE");
  classify->add_option("FILE", options.classify.text, "Texts, one a line [the standard input]");
  classify->add_option("--shots", options.classify.shots, "Which initialisation [the nearest to the examples a class]")
      ->check(CLI::Range(1, 1000));
  classify->add_flag("--all", options.classify.all, "Every class's probability, under a line of column names");
  classify->add_flag("--json", options.classify.json, "A JSON object a line");
  classify->add_option("--device", options.classify.device, "cpu, cuda or cuda:N")->capture_default_str();
  classify->add_option("--threads", options.threads, "Threads [one a core]")->check(CLI::Range(1, 1024));
  CLI::App* report =
      command(&app, "report", "Join runs into one table: seeds, intervals, paired differences", JoinedReport);
  report->add_option("RUN", options.runs, "Run directories")->required();
  report->add_option("--format", options.format, "text, markdown, latex, csv or html [by FILE's ending, or text]")
      ->check(CLI::IsMember(ReportFormats()));
  report->add_option("--out", options.out, "File to write [standard output]")->type_name("FILE");
  report
      ->add_option(
          "--baseline", options.baseline,
          "Run, by name or directory, that differences are over; NAME/random for its start [each run's own start]")
      ->type_name("NAME");
  report->add_flag("--spread", options.spread, "Also how far apart the runs lie, as with other templates, by episode");
  CLI::App* tokenize = command(&app, "tokenize", "Print the token ids of texts, a line for each line", Tokenize);
  tokenize->add_option("--encoder", options.tokenize.encoder, "Folder of a checkpoint, with config.json and vocabulary")
      ->required()
      ->type_name("DIR");
  tokenize->add_option("FILE", options.tokenize.file, "Texts, one a line [the standard input]");
  tokenize->add_flag("!--no-special-tokens", options.tokenize.special_tokens, "No [CLS] before and [SEP] after a text");
  tokenize->add_flag("--plain-text", options.tokenize.plain_text, "A special token that a text spells is text");
  tokenize->add_flag("--pieces", options.tokenize.pieces, "Print pieces, not ids");
  CLI::App* doctor = command(&app, "doctor", "What a bug report needs: versions, processor, BLAS, speed", Doctor);
  doctor->add_option("--threads", options.threads, "Threads [one a core]")->check(CLI::Range(1, 1024));

  try {
    std::vector<std::string> reversed(arguments.rbegin(), arguments.rend());
    app.parse(std::move(reversed));
    return ExitStatus(action(options, console), console);
  } catch (const CLI::ParseError& error) {
    if (error.get_exit_code() == 0 && app.remaining(/*recurse=*/true).empty()) {  // help was asked for
      app.exit(error, *console.out, *console.err);
      return ExitStatus(absl::OkStatus(), console);
    }
    *console.err << UsageError(app, error);
    return kUsage;
  } catch (const c10::Error& error) {
    *console.err << "internal error: " << error.what_without_backtrace() << '\n';
  } catch (const std::exception& error) {
    *console.err << "internal error: " << error.what() << '\n';
  }
  return kFailed;
}

}  // namespace metaprompt
