#include "experiments/fine_tuning/fine_tune.h"

#include <chrono>
#include <memory>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "absl/strings/string_view.h"
#include "experiments/confusion.h"
#include "experiments/fine_tuning/classification.h"
#include "experiments/fine_tuning/encoder_classifier.h"
#include "experiments/fine_tuning/fine_tuning_record.h"
#include "experiments/fine_tuning/fine_tuning_spec.h"
#include "experiments/fine_tuning/labelled_inputs.h"
#include "experiments/fine_tuning/split_inputs.h"
#include "experiments/fine_tuning/start_encoder.h"
#include "experiments/fine_tuning/text_split.h"
#include "experiments/host/device.h"
#include "experiments/runs/run_directory.h"
#include "experiments/runs/run_inputs.h"
#include "experiments/runs/run_life.h"
#include "experiments/runs/save_encoder.h"
#include "experiments/training/train_steps.h"
#include "experiments/workbench/seen_texts.h"
#include "learners/inner/task_pool.h"
#include "metaprompt/base/example_texts.h"
#include "metaprompt/base/hash.h"
#include "metaprompt/base/statistics.h"
#include "metaprompt/base/status_macros.h"
#include "metaprompt/checkpoints/checkpoint.h"
#include "metaprompt/specs/spec_fields.h"

namespace metaprompt {
namespace {

constexpr char kClassifierFile[] = "classifier.safetensors";
constexpr char kPredictionsFile[] = "test-predictions.tsv";
constexpr size_t kImageDigits = 16;  // of an image's SHA-256, as in seen_texts.txt and `metaprompt episodes`

std::vector<std::string> TextsOf(const std::vector<LabelledText>& labelled) {
  std::vector<std::string> texts;
  for (const LabelledText& one : labelled) {
    for (const absl::string_view text : SplitTexts(one.text)) {
      texts.emplace_back(text);
    }
  }
  return texts;
}

std::string InputsLine(const FineTuningRecord& record) {
  const TextFacts& texts = record.texts();
  const ModelFacts& model = record.model();
  return absl::StrFormat(
      "%s, %d classes, %d/%d/%d %s (train/valid/test)%s%s%s, %d parameters", texts.name(), texts.classes(),
      texts.train_texts(), texts.valid_texts(), texts.test_texts(), ExamplesOf(record.spec()),
      texts.left_out() > 0 ? absl::StrCat(", ", texts.left_out(), " left out as published ones") : "",
      texts.cut_texts() > 0 ? absl::StrCat(", ", texts.cut_texts(), " cut") : "",
      model.has_vocab_size() ? absl::StrCat(", ", model.vocab_size(), " pieces") : "", model.encoder_parameters());
}

ClassificationResult ResultOf(const Predictions& predictions, const LabelledInputs& test,
                              const std::vector<std::string>& labels) {
  Confusion confusion(labels);
  std::string lines;
  for (size_t i = 0; i < predictions.answers.size(); ++i) {
    const int64_t label = test.labels()[i];
    ++confusion.counts[static_cast<size_t>(label)][static_cast<size_t>(predictions.answers[i])];
    absl::StrAppend(&lines, label, "\t", predictions.answers[i], "\n");
  }
  ClassificationResult result;
  result.set_texts(TextsOf(confusion));
  result.set_right(RightOf(confusion));
  const ShareInterval interval = WilsonInterval(result.right(), result.texts());
  result.set_accuracy(interval.share);
  result.set_low(interval.low);
  result.set_high(interval.high);
  result.set_macro_f1(MacroF1(confusion));
  result.set_loss(predictions.loss);
  result.set_predictions_sha256(Sha256(lines));
  for (size_t c = 0; c < labels.size(); ++c) {
    ClassResult& one = *result.add_classes();
    one.set_label(labels[c]);
    one.set_texts(ScoreOf(confusion, c).texts);
    one.set_right(confusion.counts[c][c]);
    for (const int64_t count : confusion.counts[c]) {
      one.add_taken_for(count);
    }
  }
  return result;
}

// A fine-tuning in its folder.
class FineTuning {
 public:
  FineTuning(const FineTuningSpec& spec, RunDirectory* directory, Progress* progress, const std::atomic<bool>& stop,
             bool allow_other_environment, const EventsOption& events)
      : spec_(spec),
        directory_(*directory),
        progress_(*progress),
        stop_(stop),
        allow_other_environment_(allow_other_environment),
        events_option_(events) {}

  absl::StatusOr<FineTuningRecord> Run();

 private:
  // Opens the data, the tokenizer and the encoder, or those that a stopped process kept.
  absl::Status Open();
  absl::Status Train();
  absl::Status Test();
  // Writes the encoder, the classifier and the seen texts, and adds their parameters' hashes to the record.
  absl::Status Save();

  const FineTuningSpec& spec_;
  RunDirectory& directory_;
  Progress& progress_;
  const std::atomic<bool>& stop_;
  const bool allow_other_environment_;
  const EventsOption& events_option_;

  std::unique_ptr<RunEvents> events_;  // null: none
  FineTuningRecord record_;
  Environment environment_;
  TextSplit split_;
  StartEncoder start_;
  SplitInputs inputs_;
  at::Device device_ = at::kCPU;
  std::unique_ptr<EncoderClassifier> classifier_;
  std::unique_ptr<TaskPool> pool_;
  ParamList params_;
  Predictions predictions_;
};

absl::Status FineTuning::Open() {
  ASSIGN_OR_RETURN(events_, RunEvents::Open(events_option_, directory_.folder(), SpecText(spec_)));
  ASSIGN_OR_RETURN(const TokenizerFiles kept, KeptTokenizer(directory_));
  ASSIGN_OR_RETURN(device_, DeviceOf(spec_.device(), spec_.precision() == ExperimentSpec::TF32));
  progress_.Begin("data and encoder", "", 0, 1);
  ASSIGN_OR_RETURN(split_, TextSplitOf(spec_));
  ASSIGN_OR_RETURN(start_, OpenStartEncoder(spec_, split_.images, kept, [this] { return TextsOf(split_.train); }));
  const EncoderParts& parts = start_.parts;
  ASSIGN_OR_RETURN(inputs_, SplitInputsOf(spec_, split_, parts));
  record_.set_version(kFineTuningVersion);
  *record_.mutable_spec() = spec_;
  *record_.mutable_texts() = split_.facts;
  record_.mutable_texts()->set_cut_texts(inputs_.cut_texts);
  *record_.mutable_model() = start_.facts;
  const TextFacts& texts = record_.texts();
  RETURN_IF_ERROR(CheckSameInputs(
      directory_, Sha256(absl::StrCat(texts.content_sha256(), texts.valid_sha256(), " ", texts.test_sha256())),
      start_.facts, /*manifest_sha256=*/""));
  ASSIGN_OR_RETURN(const int threads, ThreadsOfRun(directory_, spec_.threads()));
  ASSIGN_OR_RETURN(environment_, EnvironmentOfRun(directory_, spec_.precision() == ExperimentSpec::BFLOAT16, threads,
                                                  allow_other_environment_));
  RETURN_IF_ERROR(SaveTokenizer(parts, directory_));
  classifier_ = std::make_unique<EncoderClassifier>(spec_, parts.encoder.get(), texts.classes());
  pool_ = std::make_unique<TaskPool>(device_.is_cpu() ? threads : 1, &stop_);  // a GPU takes one part at a time
  progress_.End(InputsLine(record_));
  return absl::OkStatus();
}

absl::Status FineTuning::Train() {
  Classification objective(spec_, classifier_.get(), inputs_.train.get(), inputs_.valid.get(), device_);
  const EpochsSpec& epochs = spec_.train();
  StepsSpec steps;
  steps.set_steps(epochs.epochs() * objective.steps_per_epoch());
  steps.set_validate_every(epochs.validate_every() * objective.steps_per_epoch());
  steps.set_checkpoint_every(epochs.checkpoint_every());
  steps.set_patience(epochs.patience());
  const TrainingContext context = {&directory_, pool_.get(), &progress_, &stop_, device_, events_.get()};
  ASSIGN_OR_RETURN(TrainedSteps trained,
                   TrainSteps(
                       "fine-tuning", steps, spec_.optimizer(),
                       [this] { return classifier_->Start(start_.parts.params, spec_.seed()); }, context, &objective));
  params_ = std::move(trained.params);
  *record_.mutable_curve() = trained.state.curve();
  record_.set_best_step(trained.state.best_step());
  record_.set_trained_steps(trained.state.step());
  record_.set_steps_per_epoch(objective.steps_per_epoch());
  RETURN_IF_ERROR(directory_.Write("curve.tsv", CurveText(trained.state)));
  return absl::OkStatus();
}

absl::Status FineTuning::Test() {
  const LabelledInputs& test = *inputs_.test;
  if (test.size() == 0) {
    return absl::OkStatus();
  }
  progress_.Begin("test", test.kind(), 0, test.size());
  ASSIGN_OR_RETURN(predictions_, Predict(*classifier_, params_, test, device_, "test", pool_.get(), &progress_));
  *record_.mutable_test() = ResultOf(predictions_, test, split_.labels);
  const bool images = split_.images.has_value();
  std::string lines = absl::StrCat("label\tanswer\t", images ? "image" : "text", "\n");
  for (size_t i = 0; i < split_.test.size(); ++i) {
    const LabelledText& one = split_.test[i];
    absl::StrAppend(&lines, split_.labels[static_cast<size_t>(one.label)], "\t",
                    split_.labels[static_cast<size_t>(predictions_.answers[i])], "\t",
                    images ? Sha256(one.text).substr(0, kImageDigits) : one.text, "\n");
  }
  progress_.End(
      absl::StrFormat("%.2f %% of %d %s", 100 * record_.test().accuracy(), record_.test().texts(), test.kind()));
  return directory_.Write(kPredictionsFile, lines);
}

absl::Status FineTuning::Save() {
  for (at::Tensor& param : params_) {
    param = param.cpu();
  }
  const Encoder& encoder = *start_.parts.encoder;
  const ParamList all = classifier_->WithHead(params_, start_.parts.params);
  record_.set_encoder_sha256(ParamsSha256(encoder.params(), all));
  RETURN_IF_ERROR(SaveEncoder(start_.parts, all, at::kFloat, directory_));
  TensorFile head;
  const ParamList values = classifier_->ClassifierOf(params_);
  const std::vector<ParamInfo> infos(classifier_->infos().end() - 2, classifier_->infos().end());
  for (size_t i = 0; i < infos.size(); ++i) {
    head.tensors.emplace_back(infos[i].name, values[i]);
  }
  head.metadata["format"] = "pt";
  head.metadata["labels"] = absl::StrJoin(split_.labels, "\n");
  head.metadata["read"] = FineTuningSpec::Read_Name(spec_.read());
  record_.set_classifier_sha256(ParamsSha256(infos, values));
  RETURN_IF_ERROR(directory_.WriteTensors(kClassifierFile, head));
  SeenTexts seen = start_.seen;
  for (const std::vector<LabelledText>* const side : {&split_.train, &split_.valid}) {
    for (const LabelledText& one : *side) {
      seen.Add(one.text);
    }
  }
  seen.Sort();
  return directory_.Write(kSeenTextsFile, seen.Text());
}

absl::StatusOr<FineTuningRecord> FineTuning::Run() {
  const auto begin = std::chrono::steady_clock::now();
  RETURN_IF_ERROR(Open());
  RETURN_IF_ERROR(Train());
  RETURN_IF_ERROR(Test());
  RETURN_IF_ERROR(Save());
  environment_.set_wall_seconds(std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count());
  RETURN_IF_ERROR(directory_.Write("environment.textproto", SpecText(environment_)));
  RETURN_IF_ERROR(directory_.Write(kFineTuningFile, SpecText(record_)));
  return record_;
}

}  // namespace

absl::StatusOr<FineTuningRecord> FineTune(const FineTuningSpec& spec, const std::string& out, Progress* progress,
                                          const std::atomic<bool>& stop, bool allow_other_environment,
                                          const EventsOption& events) {
  RunLife<FineTuningRecord> run;
  run.spec_text = SpecText(spec);
  run.out = out;
  run.record_file = kFineTuningFile;
  run.read = ReadFineTuning;
  run.spec_text_of = SpecTextOf<FineTuningRecord>(WriteOutFineTuning);
  run.work = [&](RunDirectory* directory) {
    return FineTuning(spec, directory, progress, stop, allow_other_environment, events).Run();
  };
  run.clean = RemoveTrainingFiles;
  return LiveRun(run, progress);
}

}  // namespace metaprompt
