#include "experiments/runs/run.h"

#include <algorithm>
#include <chrono>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "datasets/text_names.h"
#include "experiments/host/threads.h"
#include "experiments/ranks/crew.h"
#include "experiments/runs/count_words.h"
#include "experiments/runs/meta_test.h"
#include "experiments/runs/run_context.h"
#include "experiments/runs/run_inputs.h"
#include "experiments/runs/run_life.h"
#include "experiments/runs/train.h"
#include "experiments/workbench/check_record.h"
#include "experiments/workbench/read_record.h"
#include "learners/papers/make_learner.h"
#include "metaprompt/base/status_macros.h"
#include "metaprompt/base/text.h"
#include "metaprompt/prompts/verbalizer.h"
#include "metaprompt/specs/field_rules.h"
#include "metaprompt/specs/spec_fields.h"

namespace metaprompt {
namespace {

constexpr int kStoppedStatus = 130;  // the exit status of a process that a signal has stopped

absl::StatusOr<ShotResult> RunShots(const RunContext& context, int shots, std::optional<WordCounts>* words) {
  ASSIGN_OR_RETURN(Trained trained, MetaTrain(context, shots));
  ShotResult result = std::move(trained.result);
  const ExperimentSpec& spec = context.bench->spec();
  if (spec.test().count_words()) {
    if (!words->has_value()) {  // the same for all numbers of shots
      words->emplace(context.bench->dataset());
    }
    ASSIGN_OR_RETURN(*result.add_tests(), TestWordCounts(context, shots, &**words));
  }
  if (TestsInitialParams(spec)) {
    ASSIGN_OR_RETURN(ParamList initial, context.bench->InitialParams(shots));
    context.bench->ForgetInitialParams(shots);
    initial = WithOwn(context.bench->model(), *context.learner, std::move(initial), spec.seed());
    ASSIGN_OR_RETURN(*result.add_tests(), MetaTest(context, shots, context.bench->initialisation(), initial));
  }
  if (spec.train().meta_steps() > 0) {  // if not, there is one initialisation
    ASSIGN_OR_RETURN(*result.add_tests(), MetaTest(context, shots, "meta-learned", trained.params));
  }
  const Evaluation& last = *result.tests().rbegin();
  for (int i = 0; i + 1 < result.tests_size(); ++i) {
    *result.add_differences() = Paired(last, result.tests(i));
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

// The record before the first step.
RunRecord NewRecord(const Workbench& bench) {
  RunRecord record;
  record.set_version(kRecordVersion);
  *record.mutable_spec() = bench.spec();
  *record.mutable_dataset() = bench.dataset_facts();
  *record.mutable_model() = bench.model_facts();
  if (const std::string& sha256 = bench.test_set().manifest_sha256(); !sha256.empty()) {
    record.set_manifest_sha256(sha256);
  }
  return record;
}

// The first tensors of a checkpoint that the encoder does not use.
std::string UnusedText(const ModelFacts& model) {
  constexpr int kNamed = 4;
  std::string text;
  for (int i = 0; i < std::min(kNamed, model.unused_tensors_size()); ++i) {
    absl::StrAppend(&text, i == 0 ? "; unused: " : ", ", model.unused_tensors(i));
  }
  return model.unused_tensors_size() > kNamed
             ? absl::StrCat(text, " and ", model.unused_tensors_size() - kNamed, " more")
             : text;
}

// Where class vectors start as prototypes, no words are scored, and a missing head changes nothing.
std::string HeadText(const RunRecord& record) {
  const bool scores_words = record.spec().model().verbalizer().kind() != VerbalizerSpec::PROTOTYPE;
  return record.model().mlm_head() || !scores_words ? "" : "; no MLM head: the word embedding is the decoder";
}

std::string InputsLine(const RunRecord& record) {
  const DatasetFacts& data = record.dataset();
  const ModelFacts& model = record.model();
  const char* const kind = HasImages(record.spec().dataset()) ? " images" : " texts";
  const std::string seen = model.seen_test_texts() > 0 ? absl::StrCat("; the encoder was trained on ",
                                                                      model.seen_test_texts(), kind, " of test classes")
                                                       : "";
  const std::string shared =
      data.shared_texts() > 0 ? absl::StrCat("; ", data.shared_texts(), kind, " have two labels") : "";
  if (HasImages(record.spec().dataset())) {
    return absl::StrFormat("%s, %d images in %d/%d/%d classes (train/valid/test), %d parameters", data.name(),
                           data.texts(), data.train_classes(), data.valid_classes(), data.test_classes(),
                           model.encoder_parameters() + model.prompt_parameters()) +
           UnusedText(model) + seen + shared;
  }
  return absl::StrFormat("%s, %d texts in %d/%d/%d classes (train/valid/test), %d pieces, %d parameters", data.name(),
                         data.texts(), data.train_classes(), data.valid_classes(), data.test_classes(),
                         model.vocab_size(), model.encoder_parameters() + model.prompt_parameters()) +
         HeadText(record) + UnusedText(model) + seen + shared;
}

// A note to whoever chose the class names: which of their words the tokenizer does not have.
std::string UnknownWordsNote(const Workbench& bench) {
  if (bench.dataset().images.has_value()) {
    return "";
  }
  std::set<std::string> with_answers;
  for (const AnswerSpec& answer : bench.spec().model().verbalizer().answers()) {
    with_answers.insert(answer.label());
  }
  std::string first;
  int count = 0;
  for (const TextClass& one : bench.dataset().classes) {
    const std::vector<std::string> unknown =
        with_answers.count(one.label) == 0 ? UnknownWords(bench.tokenizer(), one.name) : std::vector<std::string>();
    if (!unknown.empty() && ++count == 1) {
      first = absl::StrCat(Quoted(unknown[0]), " of ", Quoted(one.name));
    }
  }
  return count == 0 ? "" : absl::StrCat("; the tokenizer lacks words of ", count, " class names, such as ", first);
}

// The spec without the settings on which no number depends, and with which a stopped run may be continued in another
// way.
std::string TextOfNumbers(ExperimentSpec spec) {
  spec.clear_processes();
  return SpecText(spec);
}

bool IsSameRun(absl::string_view before, absl::string_view now) {
  ExperimentSpec one;
  ExperimentSpec other;
  return ParseSpec(before, "", &one).ok() && ParseSpec(now, "", &other).ok() &&
         TextOfNumbers(one) == TextOfNumbers(other);
}

// Lets the other processes open the run, too.
absl::Status Gather(const ExperimentSpec& spec, const TokenizerFiles& tokenizer, int threads, const std::string& folder,
                    Crew* crew) {
  RunSetup setup;
  setup.set_spec(SpecText(spec));
  setup.set_threads(threads);
  for (const auto& [name, contents] : tokenizer) {
    RunSetup::NamedFile* const file = setup.add_tokenizer();
    file->set_name(name);
    file->set_contents(contents);
  }
  return crew->Gather(std::move(setup), folder);
}

// An error if another process has opened something else.
absl::Status CheckSameRun(const RunRecord& record, const Environment& environment, Crew* crew) {
  RankFacts facts;
  *facts.mutable_dataset() = record.dataset();
  *facts.mutable_model() = record.model();
  *facts.mutable_environment() = environment;
  facts.set_manifest_sha256(record.manifest_sha256());
  return crew->Compare(facts, record.spec().precision() == ExperimentSpec::BFLOAT16);
}

// What the other processes cost.
void AddProcesses(const Crew& crew, Environment* environment, Progress* progress) {
  const double seconds = environment->wall_seconds();
  environment->set_processes(crew.size());
  environment->set_communication_share(crew.communication_seconds() / seconds);
  environment->set_waiting_share(crew.waiting_seconds() / seconds);
  progress->Line(
      absl::StrFormat("%d processes: rank 0 sent and received for %.2f %% of the time, and waited for the "
                      "others' gradients for %.2f %%",
                      crew.size(), 100 * environment->communication_share(), 100 * environment->waiting_share()));
}

// `crew`: null if there are no other processes.
absl::StatusOr<RunRecord> RunIn(RunDirectory* directory, const ExperimentSpec& spec, const Place& place, Crew* crew,
                                Progress* progress, const std::atomic<bool>& asked, bool allow_other_environment,
                                const EventsOption& events_option) {
  const auto begin = std::chrono::steady_clock::now();
  ASSIGN_OR_RETURN(const std::unique_ptr<RunEvents> events,
                   RunEvents::Open(events_option, directory->folder(), TextOfNumbers(spec)));
  ASSIGN_OR_RETURN(const TokenizerFiles tokenizer, KeptTokenizer(*directory));
  ASSIGN_OR_RETURN(const int threads, ThreadsOfRun(*directory, ThreadsOr(spec.threads(), place.on_this_machine)));
  progress->Begin("data and encoder", "", 0, 1);
  if (crew != nullptr) {
    RETURN_IF_ERROR(Gather(spec, tokenizer, threads, directory->folder(), crew));
  }
  const std::atomic<bool>& stop = crew == nullptr ? asked : crew->stop();
  ASSIGN_OR_RETURN(const std::unique_ptr<Workbench> opened, Workbench::Open(spec, tokenizer));
  Workbench& bench = *opened;
  RunRecord record = NewRecord(bench);
  RETURN_IF_ERROR(
      CheckSameInputs(*directory, record.dataset().content_sha256(), record.model(), record.manifest_sha256()));
  ASSIGN_OR_RETURN(Environment environment, EnvironmentOfRun(*directory, spec.precision() == ExperimentSpec::BFLOAT16,
                                                             threads, allow_other_environment));
  if (crew != nullptr) {
    RETURN_IF_ERROR(CheckSameRun(record, environment, crew));
  }
  RETURN_IF_ERROR(SaveInputs(*directory, bench));
  progress->End(absl::StrCat(InputsLine(record), UnknownWordsNote(bench)));

  const std::unique_ptr<Learner> learner = MakeLearner(spec.learner());
  // A GPU takes one task at a time, unless `threads` says how many it has memory for.
  TaskPool pool(bench.device().is_cpu() ? threads : std::max(1, static_cast<int>(spec.threads())), &stop);
  const RunContext context = {&bench, learner.get(), directory, &pool, progress, &stop, events.get(), crew};
  std::optional<WordCounts> words;
  for (const int shots : spec.episodes().shots()) {
    ASSIGN_OR_RETURN(*record.add_results(), RunShots(context, shots, &words));
  }

  environment.set_wall_seconds(std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count());
  if (crew != nullptr) {
    AddProcesses(*crew, &environment, progress);
  }
  for (const auto& [file, text] :
       {std::make_pair("curve.tsv", CurveText(record)), std::make_pair("environment.textproto", SpecText(environment)),
        std::make_pair("record.textproto", SpecText(record))}) {
    RETURN_IF_ERROR(directory->Write(file, text));
  }
  if (events != nullptr) {
    events->Keep();
  }
  return record;
}

}  // namespace

absl::StatusOr<RunRecord> RunExperiment(const ExperimentSpec& spec, const std::string& out, Progress* progress,
                                        const std::atomic<bool>& stop, bool allow_other_environment,
                                        const EventsOption& events, const Place& place) {
  std::unique_ptr<Crew> crew;
  if (place.size > 1) {
    ASSIGN_OR_RETURN(crew, Crew::Listen(place, std::chrono::seconds(spec.processes().silence_seconds()), stop));
  }
  RunLife<RunRecord> run;
  run.spec_text = SpecText(spec);
  run.out = out;
  run.record_file = "record.textproto";
  run.read = [](const std::string& folder) { return ReadRecord(folder); };
  run.spec_text_of = SpecTextOf<RunRecord>(WriteOutDefaults);
  run.same_run = IsSameRun;
  run.work = [&](RunDirectory* directory) {
    return RunIn(directory, spec, place, crew.get(), progress, stop, allow_other_environment, events);
  };
  run.clean = [](const RunDirectory& directory) {
    RemoveInputNotes(directory);
    directory.RemoveRankLogs();
  };
  absl::StatusOr<RunRecord> record = LiveRun(run, progress);
  if (crew == nullptr) {
    return record;
  }
  // A process that is lost stops the run in the same way as a signal.
  if (const absl::Status failure = crew->failure(); absl::IsCancelled(record.status()) && !failure.ok()) {
    record = absl::Status(failure.code(), absl::StrCat(failure.message(), "; ", record.status().message()));
  }
  crew->End(record.ok() ? 0 : absl::IsCancelled(record.status()) ? kStoppedStatus : 1);
  return record;
}

}  // namespace metaprompt
