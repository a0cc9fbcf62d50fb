#include "experiments/runs/evaluate.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <mutex>
#include <optional>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "experiments/host/stop_signals.h"
#include "experiments/workbench/divergence.h"
#include "metaprompt/base/files.h"
#include "metaprompt/base/status_macros.h"
#include "metaprompt/model/finite.h"

namespace metaprompt {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::chrono::seconds kBetweenWrites(5);

struct EpisodeResult {
  double accuracy = 0;               // in [0, 1]
  std::vector<int64_t> predictions;  // way predicted for each query text
};

void Add(const EpisodeResult& one, EpisodeLines* lines) {
  lines->accuracies.push_back(one.accuracy);
  absl::StrAppendFormat(&lines->text, "%.17g\t", one.accuracy);
  for (size_t i = 0; i < one.predictions.size(); ++i) {
    absl::StrAppend(&lines->text, i == 0 ? "" : " ", one.predictions[i]);
  }
  lines->text += '\n';
}

// Keeps only the first `count` lines.
void Cut(int64_t count, EpisodeLines* lines) {
  if (count < lines->count()) {
    const std::vector<absl::string_view> all = absl::StrSplit(lines->text, '\n');
    size_t bytes = 0;
    for (int64_t i = 0; i < count; ++i) {
      bytes += all[static_cast<size_t>(i)].size() + 1;
    }
    lines->text.resize(bytes);
    lines->accuracies.resize(static_cast<size_t>(count));
  }
}

// One evaluation.
class Evaluator {
 public:
  Evaluator(const RunContext& context, const ParamList& params, const TaskSource& split, const PlanOf& plan,
            const EvaluationWork& work)
      : context_(context),
        params_(params),
        split_(split),
        plan_(plan),
        work_(work),
        infos_(MetaInfos(context.bench->model(), *context.learner)),
        together_(Together()) {}

  absl::StatusOr<EpisodeLines> Run(const std::function<void(const EpisodeLines&)>& show,
                                   const std::function<absl::Status()>& before_file);

 private:
  // How many tasks go through the model as one batch: 1 if each has its own mini-batches.
  int64_t Together() const {
    const ExperimentSpec& spec = context_.bench->spec();
    const bool alone =
        spec.learner().meta_test().epochs() > 0 || !context_.learner->TakesSeveralTasks(context_.bench->model());
    return alone ? 1 : spec.tasks_together();
  }

  // Reads the lines that an earlier process left in the file.
  absl::Status Continue();
  // Evaluates up to `together_` episodes, first, first + 1, ..., of a chunk that ends before `end`.
  absl::StatusOr<std::vector<EpisodeResult>> Group(int64_t first, int64_t end) const;
  // Evaluates the rest of the chunk with the first missing episode. Calls `meanwhile` about twice per second.
  absl::Status Chunk(const std::function<void()>& meanwhile);
  absl::Status Write();

  const RunContext& context_;
  const ParamList& params_;
  const TaskSource& split_;
  const PlanOf& plan_;
  const EvaluationWork& work_;
  const std::vector<ParamInfo> infos_;
  const int64_t together_;
  EpisodeLines lines_;
  int64_t written_ = 0;  // lines in the file
};

absl::Status Evaluator::Continue() {
  if (!context_.directory->Has(work_.file)) {
    return absl::OkStatus();
  }
  const std::string path = context_.directory->File(work_.file);
  const absl::StatusOr<std::string> read = context_.directory->Read(work_.file);
  if (!read.ok()) {
    return absl::Status(read.status().code(), absl::StrCat(read.status().message(), "; remove the file to test again"));
  }
  const std::string& text = *read;
  absl::string_view rest = text;
  if (!work_.title.empty() && !absl::ConsumePrefix(&rest, work_.title + "\n")) {
    return absl::OkStatus();
  }
  lines_.text = std::string(rest);
  for (absl::string_view line : absl::StrSplit(absl::StripSuffix(rest, "\n"), '\n', absl::SkipEmpty())) {
    double accuracy = 0;
    const size_t tab = line.find('\t');
    if (tab == absl::string_view::npos || !absl::SimpleAtod(line.substr(0, tab), &accuracy) || !(accuracy >= 0) ||
        accuracy > 1 || lines_.count() == work_.episodes) {
      return absl::InvalidArgumentError(absl::StrCat(path, ":", lines_.count() + (work_.title.empty() ? 1 : 2),
                                                     ": not an episode's line; remove the file to test again"));
    }
    lines_.accuracies.push_back(accuracy);
  }
  if (!lines_.text.empty() && lines_.text.back() != '\n') {
    lines_.text += '\n';
  }
  // Keeps only whole groups of tasks, so that the same tasks form a batch again.
  if (lines_.count() < work_.episodes) {
    const int64_t chunk = lines_.count() / work_.chunk * work_.chunk;
    Cut(chunk + (lines_.count() - chunk) / together_ * together_, &lines_);
  }
  written_ = lines_.count();
  return absl::OkStatus();
}

absl::StatusOr<std::vector<EpisodeResult>> Evaluator::Group(int64_t first, int64_t end) const {
  const Model& model = context_.bench->model();
  const Learner& learner = *context_.learner;
  std::vector<EpisodePlan> plans;
  for (int64_t i = first; i < std::min(end, first + together_); ++i) {
    plans.push_back(plan_(i));
  }
  const Episode episode = OnDevice(split_.Build(plans, params_[0].scalar_type()), params_[0].device());
  const ParamList meta = LocalParams(infos_, params_, episode.rows);
  const AdaptedParams adapted = learner.Adapt(model, meta, episode.support);
  const at::NoGradGuard no_grad;
  const at::Tensor logits = learner.Logits(model, adapted, episode.query);
  if (!AllFinite(logits)) {
    return absl::FailedPreconditionError(
        absl::StrCat(work_.what, ", episode ", first, ": the logits of its query texts are not finite; ",
                     Divergence(context_.bench->spec().learner(), model, meta, episode.support).message()));
  }
  const at::Tensor predicted = logits.argmax(-1).cpu();
  const at::Tensor right = predicted.eq(episode.query.labels.cpu());
  const int64_t texts = predicted.size(0) / episode.query.tasks;
  const int64_t* way = predicted.data_ptr<int64_t>();
  std::vector<EpisodeResult> results;
  for (int64_t t = 0; t < episode.query.tasks; ++t) {
    EpisodeResult result;
    result.accuracy = right.narrow(0, t * texts, texts).sum().item<double>() / static_cast<double>(texts);
    result.predictions.assign(way + t * texts, way + (t + 1) * texts);
    results.push_back(std::move(result));
  }
  return results;
}

absl::Status Evaluator::Chunk(const std::function<void()>& meanwhile) {
  const int64_t begin = lines_.count() / work_.chunk * work_.chunk;
  const int64_t end = std::min(work_.episodes, begin + work_.chunk);
  const int64_t known = (lines_.count() - begin) / together_;  // groups
  std::mutex mutex;                                            // guards the variables below
  absl::Status failed;
  std::atomic<bool> any_failed = false;
  std::vector<std::optional<std::vector<EpisodeResult>>> done(
      static_cast<size_t>((end - begin + together_ - 1) / together_));
  int64_t next = known;  // the first group whose lines are missing
  const auto take = [&] {
    const std::lock_guard<std::mutex> lock(mutex);
    for (; next < static_cast<int64_t>(done.size()) && done[static_cast<size_t>(next)].has_value(); ++next) {
      for (const EpisodeResult& one : *done[static_cast<size_t>(next)]) {
        Add(one, &lines_);
      }
    }
  };
  // The pool gets all groups of the chunk, also the known ones, because their number decides how threads share the
  // work.
  context_.pool->Run(
      static_cast<int64_t>(done.size()),
      [&](int64_t g) {
        if (g < known || any_failed) {
          return;
        }
        absl::StatusOr<std::vector<EpisodeResult>> results = Group(begin + g * together_, end);
        const std::lock_guard<std::mutex> lock(mutex);
        if (results.ok()) {
          done[static_cast<size_t>(g)] = *std::move(results);
        } else {
          failed.Update(results.status());
          any_failed = true;
        }
      },
      [&] {
        take();
        meanwhile();
      });
  take();
  return failed;
}

absl::Status Evaluator::Write() {
  if (written_ == lines_.count()) {
    return absl::OkStatus();
  }
  written_ = lines_.count();
  return context_.directory->Write(work_.file,
                                   work_.title.empty() ? lines_.text : absl::StrCat(work_.title, "\n", lines_.text));
}

absl::StatusOr<EpisodeLines> Evaluator::Run(const std::function<void(const EpisodeLines&)>& show,
                                            const std::function<absl::Status()>& before_file) {
  const StopsLater stops_later;
  RETURN_IF_ERROR(Continue());
  show(lines_);
  Clock::time_point last = Clock::now();
  bool first_write = true;
  absl::Status failed;
  const auto write = [&] {
    if (first_write && before_file != nullptr) {
      failed.Update(before_file());
    }
    first_write = false;
    failed.Update(Write());
    last = Clock::now();
  };
  while (lines_.count() < work_.episodes && failed.ok()) {
    const absl::Status status = Chunk([&] {
      show(lines_);
      if (Clock::now() - last >= kBetweenWrites && written_ < lines_.count()) {
        write();
      }
    });
    const bool whole = lines_.count() == work_.episodes;
    const bool stop = context_.stop->load() && !whole;
    RETURN_IF_ERROR(status);
    if (!whole || work_.keep || !first_write) {
      write();
    }
    RETURN_IF_ERROR(failed);
    if (stop) {
      return absl::CancelledError(absl::StrCat("stopped at episode ", lines_.count(), " of ", work_.what,
                                               "; the same command continues from there"));
    }
    show(lines_);
  }
  RETURN_IF_ERROR(failed);
  return std::move(lines_);
}

}  // namespace

absl::StatusOr<EpisodeLines> Evaluate(const RunContext& context, const ParamList& params, const TaskSource& split,
                                      const PlanOf& plan, const EvaluationWork& work,
                                      const std::function<void(const EpisodeLines&)>& show,
                                      const std::function<absl::Status()>& before_file) {
  return Evaluator(context, params, split, plan, work).Run(show, before_file);
}

}  // namespace metaprompt
