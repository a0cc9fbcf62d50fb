#include "experiments/own_texts/prepare_classifier.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "datasets/readers/table_format.h"
#include "datasets/splits/class_split.h"
#include "experiments/host/device.h"
#include "experiments/own_texts/calibration.h"
#include "experiments/own_texts/classifier_start.h"
#include "experiments/own_texts/examples.h"
#include "experiments/own_texts/saved_classifier.h"
#include "experiments/workbench/finished_run.h"
#include "metaprompt/base/new_folder.h"
#include "metaprompt/base/status_macros.h"
#include "metaprompt/base/text.h"

namespace metaprompt {
namespace {

absl::Status CheckOptions(const ClassifyOptions& options) {
  const int starts =
      (options.run.empty() ? 0 : 1) + (options.encoder.empty() ? 0 : 1) + (options.model.empty() ? 0 : 1);
  if (starts != 1) {
    return absl::InvalidArgumentError(absl::StrCat(
        starts == 0 ? "what to label with is missing" : "--run, --encoder and --model exclude each other",
        "; give --encoder DIR (a checkpoint), --run DIR (a finished run) or --model DIR (saved with --save)"));
  }
  if (options.model.empty() && options.support.empty()) {
    return absl::InvalidArgumentError("--support FILE is missing: a few labelled examples of each class");
  }
  if (!options.model.empty() && !(options.support.empty() && !options.save.has_value())) {
    return absl::InvalidArgumentError(
        absl::StrCat(options.support.empty() ? "--save" : "--support",
                     " has no use with --model, which is adapted already; leave it out, or give --encoder or --run"));
  }
  if (options.shots > 0 && options.run.empty()) {
    return absl::InvalidArgumentError("--shots chooses a result of a run; it needs --run");
  }
  return absl::OkStatus();
}

// The names of the first classes, such as " (spam, ham, called 'no spam')".
std::string NamesOf(const std::vector<SupportClass>& classes) {
  constexpr size_t kNamed = 8;
  std::string names;
  for (size_t i = 0; i < std::min(kNamed, classes.size()); ++i) {
    const SupportClass& one = classes[i];
    absl::StrAppend(&names, i == 0 ? " (" : ", ", one.label,
                    one.name == DefaultName(one.label) ? "" : absl::StrCat(", called ", Quoted(one.name)));
  }
  return absl::StrCat(names, classes.size() > kNamed ? ", ..." : "", ")");
}

void SetPrecision(const ClassifyOptions& options, FinishedRun* run) {
  if (!options.precision.empty()) {
    run->set_bfloat16(options.precision == "BFLOAT16");
  }
}

absl::Status Calibrate(const ClassifyOptions& options, const ClassifierStart& start, at::Device device, TaskPool* pool,
                       Progress* progress, PreparedClassifier* prepared, SavedClassifier* about) {
  if (!options.calibrate) {
    return absl::OkStatus();
  }
  progress->Begin("calibration", "", 0, 0);
  ASSIGN_OR_RETURN(const std::optional<Calibration> found, LeaveOneOut(start, prepared->classes, device, pool));
  if (!found.has_value()) {
    progress->End("none, since no class has two different examples; probabilities are the model's own");
    return absl::OkStatus();
  }
  prepared->classifier->set_temperature(found->temperature);
  about->set_calibrated(true);
  progress->End(
      absl::StrFormat("temperature %.3g; when the examples were left out in turn, %d of %d were labelled correctly",
                      found->temperature, found->right, found->texts));
  return absl::OkStatus();
}

std::vector<std::string> ColumnsOfTexts(const TableFormat& format) {
  std::vector<std::string> columns;
  for (const ColumnOfText& text : format.texts) {
    if (text.header.empty() || !IsPrintable(text.header)) {
      return {};
    }
    columns.push_back(text.header);
  }
  return columns;
}

absl::StatusOr<PreparedClassifier> OpenSaved(const ClassifyOptions& options, at::Device device, TaskPool* pool,
                                             Progress* progress) {
  progress->Begin("classify", "texts", 0, 0);
  ASSIGN_OR_RETURN(OpenedClassifier opened, OpenClassifier(options.model));
  PreparedClassifier prepared;
  prepared.start = std::make_unique<ClassifierStart>(ClassifierStart{std::move(opened.run), {}, opened.about.start()});
  SetPrecision(options, &prepared.start->run);
  prepared.classes = std::move(opened.classes);
  prepared.text_columns.assign(opened.about.text_columns().begin(), opened.about.text_columns().end());
  const double temperature = options.calibrate ? opened.about.temperature() : 1;
  ASSIGN_OR_RETURN(Classifier classifier, Classifier::Restore(&prepared.start->run, std::move(opened.adapted),
                                                              temperature, prepared.classes, device, pool));
  prepared.classifier = std::make_unique<Classifier>(std::move(classifier));
  progress->End(absl::StrFormat("%s, %s, saved with %d classes%s; its probabilities are %s", options.model,
                                opened.about.start(), prepared.classes.size(), NamesOf(prepared.classes),
                                opened.about.calibrated() && options.calibrate ? "calibrated" : "not calibrated"));
  return prepared;
}

absl::StatusOr<PreparedClassifier> AdaptNow(const ClassifyOptions& options, at::Device device, TaskPool* pool,
                                            Progress* progress) {
  PreparedClassifier prepared;
  if (options.save.has_value()) {  // checked before the work, whose result could not be saved
    RETURN_IF_ERROR(NewFolder::CheckFree(*options.save));
  }
  std::optional<FinishedRun> run;
  ColumnNames columns = options.columns;
  if (!options.run.empty()) {
    ASSIGN_OR_RETURN(run, FinishedRun::Open(options.run));
    RETURN_IF_ERROR(run->CheckTexts("classify"));
    columns.wanted = run->prompt().names();
  }
  ASSIGN_OR_RETURN(Examples examples, ReadExamples(options.support, columns));
  prepared.classes = std::move(examples.classes);
  prepared.text_columns = ColumnsOfTexts(examples.format);
  if (examples.format.kind != TableFormat::kLabelTabText) {
    progress->Line(
        absl::StrCat(options.support, ": ", examples.format.Describe(),
                     examples.format.guessed ? " (guessed; --label-column and --text-column name others)" : ""));
  }
  if (const std::string warning = TwoClassesWarning(options.support, prepared.classes); !warning.empty()) {
    progress->Line(warning);
  }
  progress->Begin("classify", "texts", 0, 0);
  ASSIGN_OR_RETURN(ClassifierStart opened,
                   run.has_value()
                       ? StartOfRun(*std::move(run), options.run, options.shots, prepared.classes)
                       : StartOfCheckpoint(options.encoder, prepared.classes, examples.format.NamesOfTexts()));
  prepared.start = std::make_unique<ClassifierStart>(std::move(opened));
  ClassifierStart& start = *prepared.start;
  SetPrecision(options, &start.run);
  absl::StatusOr<Classifier> adapted = Classifier::Adapt(&start.run, start.params, prepared.classes, device, pool);
  if (!adapted.ok()) {
    return absl::Status(adapted.status().code(), absl::StrCat(options.support, ": ", adapted.status().message()));
  }
  prepared.classifier = std::make_unique<Classifier>(*std::move(adapted));
  progress->End(absl::StrFormat("%s, adapted to %d classes%s; %d of the %d examples labelled correctly", start.name,
                                prepared.classes.size(), NamesOf(prepared.classes),
                                prepared.classifier->support_right(), prepared.classifier->support_texts()));
  SavedClassifier about;
  about.set_start(start.name);
  about.mutable_text_columns()->Assign(prepared.text_columns.begin(), prepared.text_columns.end());
  RETURN_IF_ERROR(Calibrate(options, start, device, pool, progress, &prepared, &about));
  start.params.clear();  // not needed any more
  if (options.save.has_value()) {
    ASSIGN_OR_RETURN(NewFolder made, NewFolder::Create(*options.save));
    RETURN_IF_ERROR(SaveClassifier(std::move(made), start.run, *prepared.classifier, prepared.classes, about));
    progress->Line(absl::StrCat("saved: metaprompt classify --model ", *options.save));
  }
  return prepared;
}

}  // namespace

absl::StatusOr<PreparedClassifier> PrepareClassifier(const ClassifyOptions& options, TaskPool* pool,
                                                     Progress* progress) {
  RETURN_IF_ERROR(CheckOptions(options));
  ASSIGN_OR_RETURN(const at::Device device, DeviceOf(options.device));
  return options.model.empty() ? AdaptNow(options, device, pool, progress) : OpenSaved(options, device, pool, progress);
}

}  // namespace metaprompt
