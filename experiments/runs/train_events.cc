#include "experiments/runs/train_events.h"

#include <algorithm>
#include <string>

#include "absl/strings/str_cat.h"
#include "experiments/confusion.h"
#include "experiments/runs/class_results.h"
#include "learners/inner/adamw.h"
#include "metaprompt/base/status_macros.h"

namespace metaprompt {
namespace {

// The rates of the update after `step` others.
std::vector<Scalar> Rates(const MetaOptimizerSpec& spec, const std::vector<ParamInfo>& infos, int64_t total,
                          int64_t step) {
  const double share = RateShare(Schedule::Of(spec), step, std::max<int64_t>(total, spec.schedule_steps()));
  std::vector<Scalar> rates;
  const auto add = [&](const char* kind, double peak, ParamGroup group, bool vocab_rows) {
    const bool has = std::any_of(infos.begin(), infos.end(), [&](const ParamInfo& info) {
      return info.group == group && (group != ParamGroup::kEncoder || info.vocab_rows == vocab_rows);
    });
    if (has) {
      rates.push_back({absl::StrCat("rate/", kind), share * peak});
    }
  };
  add("encoder", spec.encoder_lr(), ParamGroup::kEncoder, false);
  add("words", spec.word_lr(), ParamGroup::kEncoder, true);
  add("prompt", spec.prompt_lr(), ParamGroup::kPrompt, false);
  add("lora", spec.lora_lr(), ParamGroup::kLora, false);
  add("learner", spec.learner_lr(), ParamGroup::kLearner, false);
  return rates;
}

std::vector<Scalar> ValidationScalars(const CurvePoint& point) {
  return {{"accuracy", point.valid_accuracy()},
          {"accuracy/low", point.valid_accuracy() - point.valid_half_width()},
          {"accuracy/high", point.valid_accuracy() + point.valid_half_width()}};
}

}  // namespace

absl::Status MetaTrainingEvents::Begin(const TrainingProgress& done) {
  if (context_.events == nullptr) {
    return absl::OkStatus();
  }
  const auto& curve = done.so_far().curve();
  ASSIGN_OR_RETURN(events_, context_.events->Begin(absl::StrCat(done.shots(), "-shot"), done.meta_step(),
                                                   curve.empty() ? -1 : curve.rbegin()->meta_step()));
  if (!events_->continues_validations()) {
    for (const CurvePoint& point : curve) {
      RETURN_IF_ERROR(events_->Validation(point.meta_step(), ValidationScalars(point), {}));
    }
  }
  return absl::OkStatus();
}

absl::Status MetaTrainingEvents::Step(int64_t step, const StepStats& stats, double seconds) {
  if (events_ == nullptr) {
    return absl::OkStatus();
  }
  const ExperimentSpec& spec = context_.bench->spec();
  std::vector<Scalar> scalars = Rates(spec.learner().meta_optimizer(), infos_, spec.train().meta_steps(), step - 1);
  scalars.push_back({"loss", stats.query_loss});
  scalars.push_back({"accuracy", stats.query_accuracy});
  scalars.push_back({"gradient_norm", stats.gradient_norm});
  scalars.push_back({"episodes_per_second", spec.train().meta_batch() / seconds});
  return events_->Step(step, scalars);
}

absl::Status MetaTrainingEvents::Validation(const CurvePoint& point, const EpisodeLines& lines, const PlanOf& plan) {
  if (events_ == nullptr) {
    return absl::OkStatus();
  }
  ASSIGN_OR_RETURN(const Confusion confusion, ConfusionOf(context_.bench->dataset(), Split::kValid, lines.text, plan));
  const std::string text = absl::StrCat(ConfusionTable(confusion), "\n", ClassTable(confusion));
  return events_->Validation(point.meta_step(), ValidationScalars(point), {{"confusion", Preformatted(text)}});
}

absl::Status MetaTrainingEvents::Sync() { return events_ == nullptr ? absl::OkStatus() : events_->Sync(); }

}  // namespace metaprompt
