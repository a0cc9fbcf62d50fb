#include "experiments/runs/train.h"

#include <algorithm>
#include <chrono>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "experiments/host/stop_signals.h"
#include "experiments/ranks/crew.h"
#include "experiments/ranks/rank_tasks.h"
#include "experiments/runs/evaluate.h"
#include "experiments/runs/state_file.h"
#include "experiments/runs/train_events.h"
#include "experiments/workbench/param_file.h"
#include "learners/inner/meta_step.h"
#include "metaprompt/base/statistics.h"
#include "metaprompt/base/status_macros.h"
#include "metaprompt/checkpoints/safetensors.h"
#include "metaprompt/specs/spec_fields.h"

namespace metaprompt {
namespace {

constexpr char kProgressKey[] = "progress";

std::string AccuracyText(const CurvePoint& point) {
  return absl::StrFormat("%.2f ± %.2f %%", 100 * point.valid_accuracy(), 100 * point.valid_half_width());
}

// Meta-training for one number of shots.
class MetaTraining {
 public:
  MetaTraining(const RunContext& context, int shots)
      : context_(context),
        spec_(context.bench->spec()),
        infos_(MetaInfos(context.bench->model(), *context.learner)),
        shots_(shots),
        what_(absl::StrCat(shots, "-shot meta-training")),
        checkpoint_(absl::StrCat("checkpoint-", shots, "shot.safetensors")),
        best_(absl::StrCat("best-", shots, "shot.safetensors")),
        validation_(absl::StrCat("validation-", shots, "shot.tsv")),
        events_(context_, infos_) {}

  absl::StatusOr<Trained> Run();

 private:
  absl::Status Start();
  absl::Status Continue(const std::string& path);
  // Lets the other processes of the run, if there are any, take part in training.
  absl::Status StartOthers();
  // The processes that have divided the optimizer's state; null: this one has all of it.
  MomentOwners* Owners() const { return context_.crew == nullptr ? nullptr : context_.crew->owners(); }
  // Cancelled, with the text of Stopped, if a process is lost that holds a part of the state.
  absl::Status Save();
  absl::Status SaveBest();
  // Evaluates the validation episodes.
  absl::StatusOr<EpisodeLines> ValidLines(const PlanOf& plan);
  absl::Status Validate();
  // Adds the validation to the curve and the progress lines. Returns whether it is the best so far.
  bool AddToCurve(const MeanInterval& valid);
  // Tells those who watch the last validation and the best one.
  void ShowValidations();
  // For train.meta_steps 0: the initial parameters are the best ones, and nothing is validated.
  absl::Status TrainNothing();
  // The error of training that ends here. Its text depends on whether the state is saved.
  absl::Status Stopped() const;
  // Validates, checks whether training is finished, and saves, each if it is due at the current meta-step.
  absl::Status BetweenSteps();
  absl::Status Step(const TaskSource& split, const EpisodeSampler& sampler);

  const RunContext& context_;
  const ExperimentSpec& spec_;
  const std::vector<ParamInfo> infos_;
  const int shots_;
  const std::string what_;
  const std::string checkpoint_;
  const std::string best_;
  const std::string validation_;
  MetaTrainingEvents events_;
  LearnerState state_;
  int64_t saved_ = -1;  // the meta-step of the checkpoint; -1: there is none
  TrainingProgress done_;
};

absl::Status MetaTraining::Start() {
  RunDirectory& directory = *context_.directory;
  if (!directory.Has(checkpoint_)) {
    ASSIGN_OR_RETURN(ParamList params, context_.bench->InitialParams(shots_));
    state_ = StartLearning(WithOwn(context_.bench->model(), *context_.learner, std::move(params), spec_.seed()));
    done_.set_shots(shots_);
    done_.set_best_accuracy(-1);
    done_.mutable_so_far()->set_shots(shots_);
  } else if (const absl::Status status = Continue(directory.File(checkpoint_)); !status.ok()) {
    return absl::Status(status.code(), absl::StrCat(status.message(), "; remove the file to train from the beginning"));
  } else if (const absl::Status best = done_.so_far().curve_size() > 0 ? directory.CheckFile(best_) : absl::OkStatus();
             !best.ok()) {  // found now instead of after the rest of training
    return absl::Status(
        best.code(), absl::StrCat(best.message(), "; remove ", checkpoint_, " beside it to train from the beginning"));
  }
  if (!TestsInitialParams(spec_)) {
    context_.bench->ForgetInitialParams(shots_);
  }
  return absl::OkStatus();
}

absl::Status MetaTraining::Continue(const std::string& path) {
  ASSIGN_OR_RETURN(const TensorFile file, context_.directory->ReadTensors(checkpoint_));
  const auto progress = file.metadata.find(kProgressKey);
  if (progress == file.metadata.end()) {
    return absl::InvalidArgumentError(absl::StrCat(path, ": it has no training progress"));
  }
  RETURN_IF_ERROR(ParseSpec(progress->second, path, &done_));
  RETURN_IF_ERROR(TakeState(infos_, file, path, done_.meta_step(), context_.bench->device(), &state_));
  saved_ = state_.meta_step;
  return absl::OkStatus();
}

absl::Status MetaTraining::StartOthers() {
  if (context_.crew == nullptr) {
    return absl::OkStatus();
  }
  context_.crew->NewParams(infos_, shots_);
  if (!spec_.processes().shard_optimizer()) {
    return absl::OkStatus();
  }
  const absl::Status divided = context_.crew->Divide(context_.bench->device(), &state_.optimizer);
  return absl::IsCancelled(divided) ? Stopped() : divided;
}

absl::Status MetaTraining::Save() {
  RETURN_IF_ERROR(events_.Sync());
  done_.set_meta_step(state_.meta_step);
  StreamedTensors file = StateFile(infos_, state_, Owners());
  file.metadata[kProgressKey] = SpecText(done_);
  const absl::Status written = context_.directory->WriteTensors(checkpoint_, file);
  if (absl::IsCancelled(written)) {
    return Stopped();
  }
  RETURN_IF_ERROR(written);
  saved_ = state_.meta_step;
  return absl::OkStatus();
}

bool MetaTraining::AddToCurve(const MeanInterval& valid) {
  CurvePoint* point = done_.mutable_so_far()->add_curve();
  point->set_meta_step(state_.meta_step);
  if (done_.sum_count() > 0) {
    point->set_query_loss(done_.loss_sum() / static_cast<double>(done_.sum_count()));
    point->set_query_accuracy(done_.accuracy_sum() / static_cast<double>(done_.sum_count()));
  }
  point->set_valid_accuracy(valid.mean);
  point->set_valid_half_width(valid.half_width);
  done_.set_loss_sum(0);
  done_.set_accuracy_sum(0);
  done_.set_sum_count(0);
  const bool better = valid.mean > done_.best_accuracy();
  std::string line = absl::StrFormat("  meta-step %4d: valid %s", state_.meta_step, AccuracyText(*point));
  if (point->has_query_loss()) {
    absl::StrAppendFormat(&line, ", train loss %.4f, train query %.2f %%", point->query_loss(),
                          100 * point->query_accuracy());
  }
  context_.progress->Line(absl::StrCat(line, better ? "  (best so far)" : ""));
  return better;
}

void MetaTraining::ShowValidations() {
  const auto& curve = done_.so_far().curve();
  const auto best = std::find_if(curve.begin(), curve.end(), [&](const CurvePoint& point) {
    return point.meta_step() == done_.so_far().best_meta_step();
  });
  context_.progress->SetValidations(curve.empty() ? "" : AccuracyText(*curve.rbegin()),
                                    best == curve.end() ? "" : AccuracyText(*best));
}

absl::Status MetaTraining::SaveBest() {
  return context_.directory->WriteTensors(best_, ParamsFile(infos_, state_.params));
}

absl::StatusOr<EpisodeLines> MetaTraining::ValidLines(const PlanOf& plan) {
  ASSIGN_OR_RETURN(const TaskSource* const split, context_.bench->Prompted(Split::kValid));
  EvaluationWork work;
  work.what = absl::StrCat(shots_, "-shot validation at meta-step ", state_.meta_step);
  work.kind = Split::kValid;
  work.shots = shots_;
  work.file = validation_;
  work.title = absl::StrCat("meta-step ", state_.meta_step);
  work.keep = false;
  work.episodes = spec_.train().valid_episodes();
  work.chunk = work.episodes;
  const auto show = [&](const EpisodeLines& lines) {
    const std::string mean =
        lines.count() == 0 ? "" : absl::StrFormat(", %.2f %%", 100 * Interval(lines.accuracies).mean);
    context_.progress->Part(absl::StrCat(work.what, ": ", lines.count(), "/", work.episodes, " episodes", mean));
  };
  // Saves the parameters before the first results, because a stopped validation must continue with the same ones. Other
  // processes cannot send their moments while they evaluate.
  if (Owners() != nullptr && saved_ != state_.meta_step) {
    RETURN_IF_ERROR(Save());
  }
  return Evaluate(context_, state_.params, *split, plan, work, show,
                  [&] { return Owners() == nullptr ? Save() : absl::OkStatus(); });
}

absl::Status MetaTraining::Validate() {
  const EpisodeSampler sampler = *context_.bench->Sampler(Split::kValid, shots_);
  const auto plan = [&](int64_t i) { return sampler.Plan(i); };
  ASSIGN_OR_RETURN(const EpisodeLines lines, ValidLines(plan));
  const MeanInterval valid = Interval(lines.accuracies);
  const bool better = AddToCurve(valid);
  RETURN_IF_ERROR(events_.Validation(*done_.so_far().curve().rbegin(), lines, plan));
  if (better) {
    done_.set_best_accuracy(valid.mean);
    done_.set_validations_without_gain(0);
    done_.mutable_so_far()->set_best_meta_step(state_.meta_step);
  } else {
    done_.set_validations_without_gain(done_.validations_without_gain() + 1);
  }
  ShowValidations();
  return better ? SaveBest() : absl::OkStatus();
}

absl::Status MetaTraining::BetweenSteps() {
  const TrainSpec& train = spec_.train();
  const int64_t step = state_.meta_step;
  const bool last = step == train.meta_steps();
  const bool at_validation = last || (step >= train.validate_after() && step % train.validate_every() == 0);
  const bool validated = done_.so_far().curve_size() > 0 && done_.so_far().curve().rbegin()->meta_step() == step;
  if (at_validation && !validated) {
    const absl::Status status = Validate();
    if (absl::IsCancelled(status)) {
      RETURN_IF_ERROR(Save());
    }
    RETURN_IF_ERROR(status);
  }
  done_.set_finished(last || (train.patience() > 0 && done_.validations_without_gain() >= train.patience()));
  const bool stop = context_.stop->load();
  if (done_.finished() || stop || (step > 0 && step % train.checkpoint_every() == 0)) {
    done_.mutable_so_far()->set_trained_meta_steps(step);
    RETURN_IF_ERROR(Save());
  }
  if (done_.finished()) {
    context_.directory->Remove(validation_);
  }
  return stop ? Stopped() : absl::OkStatus();
}

absl::Status MetaTraining::Stopped() const {
  std::string next = "continues from there";
  if (saved_ < 0) {
    next = "begins again";
  } else if (saved_ != state_.meta_step) {
    next = absl::StrCat("continues from the last checkpoint, meta-step ", saved_,
                        ", because the lost process had a part of the optimizer's state");
  }
  return absl::CancelledError(
      absl::StrCat("stopped at meta-step ", state_.meta_step, " of ", what_, "; the same command ", next));
}

absl::Status MetaTraining::TrainNothing() {
  done_.set_finished(true);
  done_.mutable_so_far()->set_best_meta_step(0);
  done_.mutable_so_far()->set_trained_meta_steps(0);
  return context_.directory->Has(best_) ? absl::OkStatus() : SaveBest();
}

absl::Status MetaTraining::Step(const TaskSource& split, const EpisodeSampler& sampler) {
  const TrainSpec& train = spec_.train();
  MetaBatch batch = TasksOfStep(spec_, split, sampler, state_.meta_step);
  batch.others = context_.crew;
  batch.owners = Owners();
  const auto begin = std::chrono::steady_clock::now();
  const absl::StatusOr<StepStats> stepped =
      MetaStep(*context_.learner, context_.bench->model(), spec_.learner().meta_optimizer(), train.meta_steps(), batch,
               context_.pool, &state_);
  if (absl::IsCancelled(stepped.status())) {  // in the middle of the step, which will be repeated
    RETURN_IF_ERROR(Save());
    return Stopped();
  }
  RETURN_IF_ERROR(stepped.status());
  const StepStats& stats = *stepped;
  const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - begin;
  RETURN_IF_ERROR(events_.Step(state_.meta_step, stats, seconds.count()));
  ShotResult& so_far = *done_.mutable_so_far();
  if (spec_.learner().has_meta_gradient()) {
    so_far.set_recomputed_graphs(so_far.recomputed_graphs() + stats.recomputed);
    so_far.set_kept_graphs(so_far.kept_graphs() + stats.gradients - stats.recomputed);
  }
  done_.set_loss_sum(done_.loss_sum() + stats.query_loss);
  done_.set_accuracy_sum(done_.accuracy_sum() + stats.query_accuracy);
  done_.set_sum_count(done_.sum_count() + 1);
  context_.progress->Update(state_.meta_step,
                            absl::StrFormat("loss %.4f, query %.1f %%", stats.query_loss, 100 * stats.query_accuracy));
  return absl::OkStatus();
}

absl::StatusOr<Trained> MetaTraining::Run() {
  RETURN_IF_ERROR(Start());
  if (spec_.train().meta_steps() == 0) {
    RETURN_IF_ERROR(TrainNothing());
  }
  ASSIGN_OR_RETURN(const TaskSource* const split, context_.bench->Prompted(Split::kTrain));
  ASSIGN_OR_RETURN(const EpisodeSampler sampler, context_.bench->TrainSampler(shots_));
  context_.progress->Begin(what_, "meta-steps", state_.meta_step, spec_.train().meta_steps());
  ShowValidations();
  if (state_.meta_step > 0 && !done_.finished()) {
    context_.progress->Line(absl::StrCat(what_, ": continuing from meta-step ", state_.meta_step));
  }
  if (!done_.finished()) {
    const StopsLater stops_later;
    RETURN_IF_ERROR(events_.Begin(done_));
    RETURN_IF_ERROR(StartOthers());
    RETURN_IF_ERROR(BetweenSteps());
    while (!done_.finished()) {
      RETURN_IF_ERROR(Step(*split, sampler));
      RETURN_IF_ERROR(BetweenSteps());
    }
    if (context_.crew != nullptr) {
      context_.crew->EndDivision();
    }
    context_.progress->End(absl::StrFormat("%d meta-steps, best validation %.2f %% at meta-step %d", state_.meta_step,
                                           100 * done_.best_accuracy(), done_.so_far().best_meta_step()));
  }
  state_ = LearnerState();  // its memory is free for the best parameters
  Trained trained;
  std::string sha256;
  ASSIGN_OR_RETURN(trained.params, ReadParamFile(infos_, context_.directory->File(best_), &sha256));
  RETURN_IF_ERROR(context_.directory->Check(best_, sha256));
  MoveTo(context_.bench->device(), &trained.params);
  trained.result = done_.so_far();
  return trained;
}

}  // namespace

bool TestsInitialParams(const ExperimentSpec& spec) { return spec.test().baseline() || spec.train().meta_steps() == 0; }

absl::StatusOr<Trained> MetaTrain(const RunContext& context, int shots) { return MetaTraining(context, shots).Run(); }

}  // namespace metaprompt
