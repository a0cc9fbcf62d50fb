#include "experiments/runs/run.h"

#include <sched.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <memory>
#include <tuple>
#include <utility>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "experiments/host/environment.h"
#include "experiments/runs/evaluate.h"
#include "experiments/runs/run_directory.h"
#include "experiments/runs/train.h"
#include "experiments/runs/workbench.h"
#include "learners/papers/make_learner.h"
#include "metaprompt/base/files.h"
#include "metaprompt/base/hash.h"
#include "metaprompt/base/spec_fields.h"
#include "metaprompt/base/statistics.h"

namespace metaprompt {
namespace {

constexpr char kDatasetFile[] = "dataset.sha256";
constexpr char kEncoderFile[] = "encoder.sha256";
constexpr char kStartsFile[] = "starts.sha256";
constexpr char kManifestFile[] = "manifest.sha256";
constexpr char kThreadsFile[] = "threads";
constexpr int kRecordVersion = 1;
constexpr int64_t kTestChunk = 20;  // episodes between looks at the stop flag

// A stopped run goes on only with the data and the encoder that it began with.
absl::Status SameInputs(const RunDirectory& directory, const RunRecord& record) {
  const ModelFacts& model = record.model();
  const std::string encoder =
      model.encoder_sha256().empty() ? "" : absl::StrCat(model.encoder_sha256(), " ", model.tokenizer_sha256());
  std::string starts;
  for (const StartFacts& start : model.starts()) {
    absl::StrAppend(&starts, start.parameters_sha256(), " ");
  }
  for (const auto& [file, what, sha256] :
       {std::make_tuple(kDatasetFile, "data has", record.dataset().content_sha256()),
        std::make_tuple(kEncoderFile, "encoder's weights or tokenizer have", encoder),
        std::make_tuple(kStartsFile, "parameters of the run that it begins from have", starts),
        std::make_tuple(kManifestFile, "file of test episodes has", record.manifest_sha256())}) {
    if (sha256.empty()) {
      continue;
    }
    if (!directory.Has(file)) {
      if (const absl::Status status = directory.Write(file, sha256); !status.ok()) {
        return status;
      }
      continue;
    }
    const absl::StatusOr<std::string> before = ReadFile(directory.File(file));
    if (!before.ok()) {
      return before.status();
    }
    if (*before != sha256) {
      return absl::FailedPreconditionError(absl::StrCat(
          directory.path(), ".partial: the ", what, " changed since this run began; name another folder with --out"));
    }
  }
  return absl::OkStatus();
}

// Threads of a run: those that it began with, wherever it goes on, since sums within one task depend on them.
absl::StatusOr<int> ThreadsOfRun(const RunDirectory& directory, const ExperimentSpec& spec) {
  int threads = ThreadsOf(spec);
  if (!directory.Has(kThreadsFile)) {
    const absl::Status status = directory.Write(kThreadsFile, absl::StrCat(threads));
    return status.ok() ? absl::StatusOr<int>(threads) : status;
  }
  const absl::StatusOr<std::string> text = ReadFile(directory.File(kThreadsFile));
  if (!text.ok()) {
    return text.status();
  }
  if (!absl::SimpleAtoi(*text, &threads) || threads < 1) {
    return absl::DataLossError(absl::StrCat(directory.File(kThreadsFile), ": not a number of threads"));
  }
  return threads;
}

// What the run's parameters need to be used without the checkpoint that they came from: tokenizer and configuration.
absl::Status SaveInputs(const RunDirectory& directory, const Workbench& bench) {
  TokenizerFiles files = bench.tokenizer().files();
  std::string folder;
  if (bench.spec().model().encoder().has_checkpoint()) {
    folder = "encoder/";
    files["config.json"] = bench.config_json();
    std::error_code error;
    std::filesystem::create_directories(directory.File(folder), error);
    if (error) {
      return absl::UnavailableError(absl::StrCat("cannot make ", directory.File(folder), ": ", error.message()));
    }
  }
  for (const auto& [name, bytes] : files) {
    const std::string file = folder + name;
    const absl::Status status = directory.Has(file) ? absl::OkStatus() : directory.Write(file, bytes);
    if (!status.ok()) {
      return status;
    }
  }
  return absl::OkStatus();
}

// Meta-test of one initialisation. What is done is kept in the folder in steps, so that a stopped test goes on.
absl::StatusOr<Evaluation> MetaTest(const RunContext& context, int shots, const std::string& initialisation,
                                    const ParamList& params) {
  const Workbench::MetaTestAccess access = context.bench->BeginMetaTest();
  const absl::StatusOr<const TextSource*> split = context.bench->Prompted(Split::kTest);
  if (!split.ok()) {
    return split.status();
  }
  const PlanOf plan = context.bench->TestPlans(shots);
  const int64_t total = context.bench->spec().test().episodes();
  const std::string file = absl::StrCat("test-", shots, "shot-", initialisation, ".tsv");
  // A line an episode: its accuracy, then its predictions.
  std::string lines;
  std::vector<double> accuracies;
  if (context.directory->Has(file)) {
    absl::StatusOr<std::string> before = ReadFile(context.directory->File(file));
    if (!before.ok()) {
      return before.status();
    }
    lines = *std::move(before);
    for (absl::string_view line : absl::StrSplit(absl::StripSuffix(lines, "\n"), '\n')) {
      double accuracy = 0;
      const size_t tab = line.find('\t');
      if (tab == absl::string_view::npos || !absl::SimpleAtod(line.substr(0, tab), &accuracy) ||
          static_cast<int64_t>(accuracies.size()) == total) {
        return absl::InvalidArgumentError(absl::StrCat(context.directory->File(file), ":", accuracies.size() + 1,
                                                       ": not an episode's line; remove the file to test again"));
      }
      accuracies.push_back(accuracy);
    }
  }
  const std::string what = absl::StrCat(shots, "-shot meta-test, ", initialisation);
  context.progress->Begin(what, "episodes", static_cast<int64_t>(accuracies.size()), total);
  while (static_cast<int64_t>(accuracies.size()) < total) {
    const auto first = static_cast<int64_t>(accuracies.size());
    for (const EpisodeResult& one : EvaluateEpisodes(
             *context.learner, context.bench->model(), params, **split, plan, first,
             std::min(kTestChunk, total - first),
             TogetherAtTest(context.bench->spec().learner(), context.bench->spec().tasks_together()), context.pool)) {
      accuracies.push_back(one.accuracy);
      absl::StrAppendFormat(&lines, "%.17g\t", one.accuracy);
      for (size_t i = 0; i < one.predictions.size(); ++i) {
        absl::StrAppend(&lines, i == 0 ? "" : " ", one.predictions[i]);
      }
      lines += '\n';
    }
    if (const absl::Status status = context.directory->Write(file, lines); !status.ok()) {
      return status;
    }
    if (context.stop->load() && static_cast<int64_t>(accuracies.size()) < total) {
      return absl::CancelledError(absl::StrCat("stopped at episode ", accuracies.size(), " of ", what,
                                               "; the same command goes on from there"));
    }
    const MeanInterval mean = Interval(accuracies);
    context.progress->Update(static_cast<int64_t>(accuracies.size()),
                             absl::StrFormat("%.2f ± %.2f %%", 100 * mean.mean, 100 * mean.half_width));
  }
  const MeanInterval mean = Interval(accuracies);
  context.progress->End(absl::StrFormat("%d episodes, %.2f ± %.2f %%", total, 100 * mean.mean, 100 * mean.half_width));
  Evaluation evaluation;
  evaluation.set_initialisation(initialisation);
  evaluation.set_mean_accuracy(mean.mean);
  evaluation.set_half_width(mean.half_width);
  evaluation.set_predictions_sha256(Sha256(lines));
  for (const double accuracy : accuracies) {
    evaluation.add_accuracies(static_cast<float>(accuracy));
  }
  return evaluation;
}

PairedDifference Paired(const Evaluation& of, const Evaluation& over) {
  std::vector<double> differences;
  differences.reserve(static_cast<size_t>(of.accuracies_size()));
  for (int i = 0; i < of.accuracies_size(); ++i) {
    differences.push_back(static_cast<double>(of.accuracies(i)) - static_cast<double>(over.accuracies(i)));
  }
  const MeanInterval interval = Interval(differences);
  PairedDifference difference;
  difference.set_of(of.initialisation());
  difference.set_over(over.initialisation());
  difference.set_mean(interval.mean);
  difference.set_half_width(interval.half_width);
  return difference;
}

absl::StatusOr<ShotResult> RunShots(const RunContext& context, int shots) {
  absl::StatusOr<Trained> trained = MetaTrain(context, shots);
  if (!trained.ok()) {
    return trained.status();
  }
  ShotResult result = std::move(trained->result);
  const bool trains = context.bench->spec().train().meta_steps() > 0;  // else there is one initialisation
  if (context.bench->spec().test().baseline() || !trains) {
    const absl::StatusOr<ParamList> initial = context.bench->InitialParams(shots);
    if (!initial.ok()) {
      return initial.status();
    }
    const ParamList with_own =
        WithOwn(context.bench->model(), *context.learner, *initial, context.bench->spec().seed());
    absl::StatusOr<Evaluation> baseline = MetaTest(context, shots, context.bench->initialisation(), with_own);
    if (!baseline.ok()) {
      return baseline.status();
    }
    *result.add_tests() = *std::move(baseline);
  }
  if (!trains) {
    return result;
  }
  absl::StatusOr<Evaluation> learned = MetaTest(context, shots, "meta-learned", trained->params);
  if (!learned.ok()) {
    return learned.status();
  }
  *result.add_tests() = *std::move(learned);
  if (result.tests_size() == 2) {
    *result.add_differences() = Paired(result.tests(1), result.tests(0));
  }
  return result;
}

std::string CurveText(const RunRecord& record) {
  std::string text = "shots\tmeta_step\tquery_loss\tquery_accuracy\tvalid_accuracy\tvalid_half_width\n";
  for (const ShotResult& result : record.results()) {
    for (const CurvePoint& point : result.curve()) {
      const std::string loss = point.has_query_loss() ? absl::StrFormat("%.6f", point.query_loss()) : "";
      const std::string accuracy = point.has_query_loss() ? absl::StrFormat("%.6f", point.query_accuracy()) : "";
      absl::StrAppendFormat(&text, "%d\t%d\t%s\t%s\t%.6f\t%.6f\n", result.shots(), point.meta_step(), loss, accuracy,
                            point.valid_accuracy(), point.valid_half_width());
    }
  }
  return text;
}

}  // namespace

int ThreadsOf(const ExperimentSpec& spec) {
  if (spec.threads() > 0) {
    return spec.threads();
  }
  cpu_set_t cpus;
  return sched_getaffinity(0, sizeof(cpus), &cpus) == 0 ? std::max(1, CPU_COUNT(&cpus)) : 1;
}

absl::StatusOr<RunRecord> RunExperiment(const ExperimentSpec& spec, const std::string& out, Progress* progress,
                                        const std::atomic<bool>& stop) {
  const auto begin = std::chrono::steady_clock::now();
  absl::StatusOr<std::unique_ptr<RunDirectory>> directory = RunDirectory::Open(out, SpecText(spec));
  if (!directory.ok()) {
    return directory.status();
  }
  TokenizerFiles tokenizer;
  if ((*directory)->Has(kSentencePieceFile)) {
    absl::StatusOr<std::string> bytes = ReadFile((*directory)->File(kSentencePieceFile));
    if (!bytes.ok()) {
      return bytes.status();
    }
    tokenizer[kSentencePieceFile] = *std::move(bytes);
  }
  progress->Begin("data and encoder", "", 0, 1);
  absl::StatusOr<std::unique_ptr<Workbench>> bench = Workbench::Open(spec, tokenizer);
  if (!bench.ok()) {
    (*directory)->Abandon();
    return bench.status();
  }
  RunRecord record;
  record.set_version(kRecordVersion);
  *record.mutable_spec() = spec;
  *record.mutable_dataset() = (*bench)->dataset_facts();
  *record.mutable_model() = (*bench)->model_facts();
  if (!(*bench)->manifest_sha256().empty()) {
    record.set_manifest_sha256((*bench)->manifest_sha256());
  }
  if (const absl::Status status = SameInputs(**directory, record); !status.ok()) {
    return status;
  }
  const absl::StatusOr<int> threads = ThreadsOfRun(**directory, spec);
  if (!threads.ok()) {
    return threads.status();
  }
  Environment environment = HostEnvironment(*threads);
  if (const absl::Status status = SaveInputs(**directory, **bench); !status.ok()) {
    return status;
  }
  progress->End(absl::StrFormat("%s, %d texts in %d/%d/%d classes (train/valid/test), %d pieces, %d parameters%s",
                                record.dataset().name(), record.dataset().texts(), record.dataset().train_classes(),
                                record.dataset().valid_classes(), record.dataset().test_classes(),
                                record.model().vocab_size(),
                                record.model().encoder_parameters() + record.model().prompt_parameters(),
                                record.model().mlm_head() ? "" : "; no MLM head: the word embedding is the decoder"));

  const std::unique_ptr<Learner> learner = MakeLearner(spec.learner());
  TaskPool pool((*bench)->device().is_cpu() ? *threads : 1);  // a GPU takes one task at a time
  const RunContext context = {bench->get(), learner.get(), directory->get(), &pool, progress, &stop};
  for (const int shots : spec.episodes().shots()) {
    absl::StatusOr<ShotResult> result = RunShots(context, shots);
    if (!result.ok()) {
      return result.status();
    }
    *record.add_results() = *std::move(result);
  }

  environment.set_wall_seconds(std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count());
  for (const auto& [file, text] :
       {std::make_pair("curve.tsv", CurveText(record)), std::make_pair("environment.textproto", SpecText(environment)),
        std::make_pair("record.textproto", SpecText(record))}) {
    if (const absl::Status status = (*directory)->Write(file, text); !status.ok()) {
      return status;
    }
  }
  (*directory)->Remove(kDatasetFile);
  (*directory)->Remove(kEncoderFile);
  (*directory)->Remove(kStartsFile);
  (*directory)->Remove(kManifestFile);
  (*directory)->Remove(kThreadsFile);
  if (const absl::Status status = (*directory)->Finish(); !status.ok()) {
    return status;
  }
  return record;
}

}  // namespace metaprompt
