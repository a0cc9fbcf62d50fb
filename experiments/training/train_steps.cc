#include "experiments/training/train_steps.h"

#include <chrono>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "experiments/host/stop_signals.h"
#include "experiments/runs/run_inputs.h"
#include "experiments/runs/state_file.h"
#include "experiments/training/training_step.h"
#include "experiments/workbench/param_file.h"
#include "learners/inner/adamw.h"
#include "learners/inner/meta_step.h"
#include "metaprompt/base/status_macros.h"
#include "metaprompt/checkpoints/safetensors.h"
#include "metaprompt/specs/spec_fields.h"

namespace metaprompt {
namespace {

constexpr char kCheckpoint[] = "checkpoint-training.safetensors";
constexpr char kBest[] = "best.safetensors";
constexpr char kStateKey[] = "training";

class StepTraining {
 public:
  StepTraining(std::string what, const StepsSpec& steps, const OptimizerSpec& optimizer, const TrainingContext& context,
               Objective* objective)
      : what_(std::move(what)), steps_(steps), optimizer_(optimizer), context_(context), objective_(*objective) {}

  absl::StatusOr<TrainedSteps> Run(const std::function<absl::StatusOr<ParamList>()>& start);

 private:
  absl::Status Start(const std::function<absl::StatusOr<ParamList>()>& start);
  absl::Status Continue(const std::string& path);
  absl::Status Save();
  absl::Status Validate();
  absl::Status Step();
  // Validates, checks whether training is finished, and saves, each if it is due at the current step.
  absl::Status BetweenSteps();
  absl::Status Stopped() const;
  // Continues the events for TensorBoard, if there are any.
  absl::Status BeginEvents();
  absl::Status AddStepEvent(const TrainingStats& stats, const TrainingBatch& batch, double seconds);
  absl::Status AddValidationEvent(const TrainingPoint& point);
  // Tells those who watch the last validation and the best one.
  void ShowValidations();

  const std::string what_;
  const StepsSpec& steps_;
  const OptimizerSpec& optimizer_;
  const TrainingContext& context_;
  Objective& objective_;
  LearnerState state_;
  TrainingState done_;
  std::unique_ptr<TrainingEvents> events_;  // null: none
};

std::string ValidationText(const TrainingPoint& point) {
  return point.has_valid_loss()
             ? absl::StrFormat("loss %.4f, accuracy %.2f %%", point.valid_loss(), 100 * point.valid_accuracy())
             : "";
}

absl::Status StepTraining::Start(const std::function<absl::StatusOr<ParamList>()>& start) {
  RunDirectory& directory = *context_.directory;
  if (!directory.Has(kCheckpoint)) {
    ASSIGN_OR_RETURN(ParamList params, start());
    MoveTo(context_.device, &params);
    state_ = StartLearning(std::move(params));
    return absl::OkStatus();
  }
  const absl::Status status = Continue(directory.File(kCheckpoint));
  if (!status.ok()) {
    return absl::Status(status.code(), absl::StrCat(status.message(), "; remove the file to train from the beginning"));
  }
  return done_.curve_size() > 0 ? directory.CheckFile(kBest) : absl::OkStatus();
}

absl::Status StepTraining::Continue(const std::string& path) {
  ASSIGN_OR_RETURN(const TensorFile file, context_.directory->ReadTensors(kCheckpoint));
  const auto text = file.metadata.find(kStateKey);
  if (text == file.metadata.end()) {
    return absl::InvalidArgumentError(absl::StrCat(path, ": it has no state of training"));
  }
  RETURN_IF_ERROR(ParseSpec(text->second, path, &done_));
  return TakeState(objective_.infos(), file, path, done_.step(), context_.device, &state_);
}

absl::Status StepTraining::Save() {
  if (events_ != nullptr) {  // first, so that they are never behind the state
    RETURN_IF_ERROR(events_->Sync());
  }
  done_.set_step(state_.meta_step);
  StreamedTensors file = StateFile(objective_.infos(), state_);
  file.metadata[kStateKey] = SpecText(done_);
  return context_.directory->WriteTensors(kCheckpoint, file);
}

absl::Status StepTraining::BeginEvents() {
  if (context_.events == nullptr) {
    return absl::OkStatus();
  }
  const auto& curve = done_.curve();
  ASSIGN_OR_RETURN(events_, context_.events->Begin("", done_.step(), curve.empty() ? -1 : curve.rbegin()->step()));
  if (!events_->continues_validations()) {
    for (const TrainingPoint& point : curve) {
      RETURN_IF_ERROR(AddValidationEvent(point));
    }
  }
  return absl::OkStatus();
}

absl::Status StepTraining::AddStepEvent(const TrainingStats& stats, const TrainingBatch& batch, double seconds) {
  if (events_ == nullptr) {
    return absl::OkStatus();
  }
  const Schedule schedule = ScheduleOf(optimizer_);
  return events_->Step(state_.meta_step,
                       {{"loss", stats.loss},
                        {"accuracy", stats.correct / batch.counted},
                        {"gradient_norm", stats.gradient_norm},
                        {"rate", RateShare(schedule, state_.meta_step - 1, steps_.steps()) * optimizer_.lr()},
                        {"steps_per_second", 1 / seconds}});
}

absl::Status StepTraining::AddValidationEvent(const TrainingPoint& point) {
  if (events_ == nullptr || !point.has_valid_loss()) {
    return absl::OkStatus();
  }
  return events_->Validation(point.step(), {{"loss", point.valid_loss()}, {"accuracy", point.valid_accuracy()}}, {});
}

void StepTraining::ShowValidations() {
  std::string best;
  for (const TrainingPoint& point : done_.curve()) {
    best = point.step() == done_.best_step() ? ValidationText(point) : best;
  }
  context_.progress->SetValidations(done_.curve_size() == 0 ? "" : ValidationText(*done_.curve().rbegin()), best);
}

absl::Status StepTraining::Validate() {
  ASSIGN_OR_RETURN(const Validation valid, objective_.Validate(state_.params, context_.pool, context_.progress));
  TrainingPoint* point = done_.add_curve();
  point->set_step(state_.meta_step);
  std::string line = absl::StrFormat("  step %d", state_.meta_step);
  if (!valid.empty) {
    point->set_valid_loss(valid.loss);
    point->set_valid_accuracy(valid.accuracy);
    absl::StrAppend(&line, ": validation ", ValidationText(*point));
  }
  if (done_.counted_sum() > 0) {
    const int64_t before = done_.curve_size() > 1 ? done_.curve(done_.curve_size() - 2).step() : 0;
    point->set_loss(done_.loss_sum() / static_cast<double>(state_.meta_step - before));
    point->set_accuracy(done_.correct_sum() / done_.counted_sum());
    absl::StrAppendFormat(&line, ", training loss %.4f", point->loss());
  }
  RETURN_IF_ERROR(AddValidationEvent(*point));
  done_.set_loss_sum(0);
  done_.set_correct_sum(0);
  done_.set_counted_sum(0);
  const bool better = done_.curve_size() == 1 || valid.empty || valid.score > done_.best_score();
  context_.progress->Line(absl::StrCat(line, better && !valid.empty ? "  (best so far)" : ""));
  done_.set_validations_without_gain(better ? 0 : done_.validations_without_gain() + 1);
  if (better) {
    done_.set_best_score(valid.score);
    done_.set_best_step(state_.meta_step);
  }
  ShowValidations();
  if (!better) {
    return absl::OkStatus();
  }
  return context_.directory->WriteTensors(kBest, ParamsFile(objective_.infos(), state_.params));
}

absl::Status StepTraining::Stopped() const {
  return absl::CancelledError(
      absl::StrCat("stopped at step ", state_.meta_step, " of ", what_, "; the same command continues from there"));
}

absl::Status StepTraining::BetweenSteps() {
  const int64_t step = state_.meta_step;
  const bool last = step == steps_.steps();
  const bool validated = done_.curve_size() > 0 && done_.curve().rbegin()->step() == step;
  if ((last || step % steps_.validate_every() == 0) && !validated) {
    const absl::Status status = Validate();
    if (absl::IsCancelled(status)) {
      RETURN_IF_ERROR(Save());
      return Stopped();
    }
    RETURN_IF_ERROR(status);
  }
  done_.set_finished(last || (steps_.patience() > 0 && done_.validations_without_gain() >= steps_.patience()));
  const bool stop = context_.stop->load();
  if (done_.finished() || stop || (step > 0 && step % steps_.checkpoint_every() == 0)) {
    RETURN_IF_ERROR(Save());
  }
  return stop && !done_.finished() ? Stopped() : absl::OkStatus();
}

absl::Status StepTraining::Step() {
  const TrainingBatch batch = objective_.Batch(state_.meta_step);
  const auto begin = std::chrono::steady_clock::now();
  const absl::StatusOr<TrainingStats> stepped =
      TrainingStep(optimizer_, objective_.infos(), steps_.steps(), batch, context_.pool, &state_);
  if (absl::IsCancelled(stepped.status())) {  // in the middle of the step, which will be repeated
    RETURN_IF_ERROR(Save());
    return Stopped();
  }
  RETURN_IF_ERROR(stepped.status());
  const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - begin;
  RETURN_IF_ERROR(AddStepEvent(*stepped, batch, seconds.count()));
  done_.set_loss_sum(done_.loss_sum() + stepped->loss);
  done_.set_correct_sum(done_.correct_sum() + stepped->correct);
  done_.set_counted_sum(done_.counted_sum() + batch.counted);
  context_.progress->Update(state_.meta_step, absl::StrFormat("loss %.4f, accuracy %.1f %%", stepped->loss,
                                                              100 * stepped->correct / batch.counted));
  return absl::OkStatus();
}

absl::StatusOr<TrainedSteps> StepTraining::Run(const std::function<absl::StatusOr<ParamList>()>& start) {
  RETURN_IF_ERROR(Start(start));
  context_.progress->Begin(what_, "steps", state_.meta_step, steps_.steps());
  ShowValidations();
  if (!done_.finished()) {
    if (state_.meta_step > 0) {
      context_.progress->Line(absl::StrCat(what_, ": continuing from step ", state_.meta_step));
    }
    const StopsLater stops_later;
    RETURN_IF_ERROR(BeginEvents());
    RETURN_IF_ERROR(BetweenSteps());
    while (!done_.finished()) {
      RETURN_IF_ERROR(Step());
      RETURN_IF_ERROR(BetweenSteps());
    }
    context_.progress->End(
        absl::StrFormat("%d steps, best validation at step %d", state_.meta_step, done_.best_step()));
  }
  state_ = LearnerState();  // its memory is free for the best parameters
  TrainedSteps trained;
  std::string sha256;
  ASSIGN_OR_RETURN(trained.params, ReadParamFile(objective_.infos(), context_.directory->File(kBest), &sha256));
  RETURN_IF_ERROR(context_.directory->Check(kBest, sha256));
  MoveTo(context_.device, &trained.params);
  trained.state = done_;
  return trained;
}

}  // namespace

absl::StatusOr<TrainedSteps> TrainSteps(const std::string& what, const StepsSpec& steps, const OptimizerSpec& optimizer,
                                        const std::function<absl::StatusOr<ParamList>()>& start,
                                        const TrainingContext& context, Objective* objective) {
  return StepTraining(what, steps, optimizer, context, objective).Run(start);
}

void RemoveTrainingFiles(const RunDirectory& directory) {
  RemoveInputNotes(directory);
  directory.Remove(kCheckpoint);
  directory.Remove(kBest);
}

std::string CurveText(const TrainingState& state) {
  std::string text = "step\tloss\taccuracy\tvalid_loss\tvalid_accuracy\n";
  for (const TrainingPoint& point : state.curve()) {
    const std::string loss = point.has_loss() ? absl::StrFormat("%.6f", point.loss()) : "";
    const std::string accuracy = point.has_accuracy() ? absl::StrFormat("%.6f", point.accuracy()) : "";
    const std::string valid_loss = point.has_valid_loss() ? absl::StrFormat("%.6f", point.valid_loss()) : "";
    const std::string valid_accuracy =
        point.has_valid_accuracy() ? absl::StrFormat("%.6f", point.valid_accuracy()) : "";
    absl::StrAppendFormat(&text, "%d\t%s\t%s\t%s\t%s\n", point.step(), loss, accuracy, valid_loss, valid_accuracy);
  }
  return text;
}

}  // namespace metaprompt
