#include "experiments/cli/spec_commands.h"

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <limits>
#include <memory>
#include <string>
#include <system_error>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "datasets/dataset.h"
#include "datasets/dataset_json.h"
#include "datasets/sources/load_dataset.h"
#include "experiments/cli/message_json.h"
#include "experiments/commands/show_episodes.h"
#include "experiments/host/output_file.h"
#include "experiments/own_texts/split_file.h"
#include "experiments/spec.h"
#include "experiments/workbench/run_data.h"
#include "metaprompt/base/status_macros.h"
#include "metaprompt/base/text.h"
#include "metaprompt/specs/field_rules.h"
#include "metaprompt/specs/spec_fields.h"

namespace metaprompt {
namespace {

struct CheckOptions {
  SpecOptions spec;
  bool json = false;
};

// Whether the data are a user's own file. It is read in a moment, which public data may not be.
bool IsOwnFile(const DatasetSpec& spec) {
  std::error_code ignored;
  const std::vector<std::string> paths = PathsIn(spec);
  return (spec.has_tsv() || spec.has_csv() || spec.has_jsonl()) &&
         std::all_of(paths.begin(), paths.end(),
                     [&](const std::string& path) { return std::filesystem::is_regular_file(path, ignored); });
}

// Checks that the files and folders of the spec exist, and the data of IsOwnFile. Returns a comment with the counts of
// those data, or nothing.
absl::StatusOr<std::string> CheckFiles(const std::string& file, const ExperimentSpec& spec) {
  RETURN_IF_ERROR(CheckPathsExist(file, spec));
  if (!IsOwnFile(spec.dataset())) {
    return std::string();
  }
  ASSIGN_OR_RETURN(const RunData data, RunData::Open(spec));
  const DatasetFacts& facts = data.facts();
  return absl::StrFormat("# %s: %d texts in %d/%d/%d classes (train/valid/test)\n", OneLine(facts.name()),
                         facts.texts(), facts.train_classes(), facts.valid_classes(), facts.test_classes());
}

absl::Status Check(const CheckOptions& options, const Console& console) {
  ASSIGN_OR_RETURN(const ExperimentSpec spec, LoadSpec(options.spec.file, options.spec.sets));
  const absl::StatusOr<std::string> counts = CheckFiles(options.spec.file, spec);
  *console.out << (options.json ? MessageJson(spec).dump(2) + "\n" : absl::StrCat(SpecText(spec), counts.value_or("")));
  return counts.status();
}

void RegisterCheck(Commands* commands) {
  auto options = std::make_shared<CheckOptions>();
  CLI::App* check =
      commands->Add("check", "Check a spec, its files and your own data, and print the spec with every default",
                    [options](const Console& console) { return Check(*options, console); });
  AddSpecOptions(kExperimentSpecHelp, /*required=*/true, check, &options->spec);
  AddJsonOption("Print the spec as JSON", check, &options->json);
}

absl::Status Describe(const std::string& field, const Console& console) {
  std::string text;
  const absl::Status status = DescribeFields(ExperimentSpec(), field, &text);
  *console.out << text;
  return status;
}

void RegisterSpec(Commands* commands) {
  auto field = std::make_shared<std::string>();
  CLI::App* spec = commands->Add("spec", "List a spec's fields: type, default, range, meaning",
                                 [field](const Console& console) { return Describe(*field, console); });
  spec->add_option("GROUP", *field, "List only this field and those below it, as in learner.maml");
}

struct EpisodesCommand {
  SpecOptions spec;
  EpisodesOptions episodes;
};

absl::Status Episodes(const EpisodesCommand& options, const Console& console) {
  ASSIGN_OR_RETURN(const ExperimentSpec spec, LoadSpec(options.spec.file, options.spec.sets));
  const EpisodesOptions& episodes = options.episodes;
  if (const std::string& file = episodes.save.empty() ? episodes.page : episodes.save; !file.empty()) {
    std::vector<std::string> inputs = PathsIn(spec);
    inputs.push_back(options.spec.file);
    RETURN_IF_ERROR(CheckOutput(file, inputs));
  }
  ASSIGN_OR_RETURN(const std::string text, !episodes.save.empty()   ? SaveEpisodes(spec, episodes)
                                           : !episodes.page.empty() ? SaveEpisodePage(spec, episodes)
                                                                    : EpisodeText(spec, episodes));
  *console.out << text;
  return absl::OkStatus();
}

void RegisterEpisodes(Commands* commands) {
  auto command = std::make_shared<EpisodesCommand>();
  CLI::App* episodes =
      commands->Add("episodes", "Print one episode, its classes and texts; or save many for other runs to use",
                    [command](const Console& console) { return Episodes(*command, console); });
  AddSpecOptions(kExperimentSpecHelp, /*required=*/true, episodes, &command->spec);
  EpisodesOptions& options = command->episodes;
  episodes->add_option("--split", options.split, "Split from which the episode is drawn")
      ->capture_default_str()
      ->check(CLI::IsMember({"train", "valid", "test"}));
  CLI::Option* index = episodes->add_option("--index", options.index, "Number of the episode, from 0")
                           ->capture_default_str()
                           ->check(CLI::Range(int64_t{0}, std::numeric_limits<int64_t>::max()));
  episodes
      ->add_option("--shots", options.shots,
                   "Support texts per class [the first number in episodes.shots; with --save, all of them]")
      ->check(CLI::Range(1, 1000));
  CLI::Option* save =
      episodes
          ->add_option("--save", options.save, "Write episodes to this file, which a spec can name in test.manifest")
          ->type_name("FILE")
          ->excludes(index);
  episodes->add_option("--page", options.page, "Write the images of the episode to this file, as a web page")
      ->type_name("FILE")
      ->excludes(save);
  episodes
      ->add_option("--count", options.count,
                   "Number of episodes to save, for each number of shots [test.episodes of the spec]")
      ->check(CLI::Range(1, 1000000))
      ->needs(save);
}

// The dataset of a spec file or, if none is named, the machine's package index.
absl::StatusOr<Dataset> DatasetOf(const SpecOptions& options) {
  if (options.file.empty()) {
    DatasetSpec debian;
    debian.mutable_debian();
    return LoadDataset(debian);
  }
  ASSIGN_OR_RETURN(const DatasetSpec spec, LoadDatasetSpec(options.file, options.sets));
  return LoadDataset(spec);
}

void RegisterSplit(Commands* commands, CLI::App* datasets) {
  auto options = std::make_shared<SplitFileOptions>();
  CLI::App* split = commands->Add(
      "split", "Divide your file of labelled texts into examples and a test set, for classify",
      [options](const Console& console) -> absl::Status {
        ASSIGN_OR_RETURN(const std::string text, SplitFile(*options));
        *console.out << text;
        return absl::OkStatus();
      },
      CommandFacts(), datasets);
  split->add_option("FILE", options->file, "Labelled texts: CSV, TSV, JSON lines or `label<TAB>text` lines")
      ->required();
  split->add_option("--out", options->out, "Folder to make, for the files examples and test")
      ->required()
      ->type_name("DIR");
  split->add_option("--test-share", options->test_share, "Share of each class's texts that test")
      ->capture_default_str()
      ->check(FiniteRange(0.001, 0.999));
  split->add_option("--seed", options->seed, "Decides which texts test")->capture_default_str()->check(WholeNumber());
  AddColumnOptions(split, &options->columns);
}

void RegisterDatasets(Commands* commands) {
  CLI::App* datasets =
      commands->AddGroup("datasets", "Print what is in a data set: counts, or every text; divide a file of texts");
  const auto add = [&](const std::string& name, const std::string& help, std::string (*text)(const Dataset&),
                       std::string (*as_json)(const Dataset&)) {
    auto options = std::make_shared<SpecOptions>();
    auto json = std::make_shared<bool>(false);
    CLI::App* command = commands->Add(
        name, help,
        [options, json, text, as_json](const Console& console) -> absl::Status {
          ASSIGN_OR_RETURN(const Dataset dataset, DatasetOf(*options));
          *console.out << (*json ? as_json : text)(dataset);
          return absl::OkStatus();
        },
        CommandFacts(), datasets);
    AddSpecOptions(kExperimentSpecHelp, /*required=*/false, command, options.get());
    AddJsonOption("Print JSON", command, json.get());
  };
  add("stats",
      "Print classes, counts, lengths, duplicates and hash; without SPEC, of this machine's Debian package index",
      StatsText, StatsJson);
  add("export",
      "Print one line per text: split, label, name and text, separated by tabs (the hash is that of this output); "
      "without SPEC, as stats",
      ExportText, ExportJson);
  RegisterSplit(commands, datasets);
}

}  // namespace

void RegisterSpecCommands(Commands* commands) {
  RegisterCheck(commands);
  RegisterSpec(commands);
  RegisterEpisodes(commands);
  RegisterDatasets(commands);
}

}  // namespace metaprompt
