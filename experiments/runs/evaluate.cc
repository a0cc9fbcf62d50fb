#include "experiments/runs/evaluate.h"

#include <algorithm>
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
#include "experiments/ranks/shared_evaluation.h"
#include "metaprompt/base/files.h"
#include "metaprompt/base/status_macros.h"

namespace metaprompt {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::chrono::seconds kBetweenWrites(5);

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
        work_(work),
        tester_(*context.bench, *context.learner, split, plan, work.what),
        together_(tester_.together()) {}

  absl::StatusOr<EpisodeLines> Run(const std::function<void(const EpisodeLines&)>& show,
                                   const std::function<absl::Status()>& before_file);

 private:
  // Reads the lines that an earlier process left in the file.
  absl::Status Continue();
  // The groups of the chunk that begins with episode `begin`.
  std::vector<EpisodeGroup> GroupsFrom(int64_t begin) const;
  // Evaluates the rest of the chunk with the first missing episode. With other processes and at least as many groups as
  // threads, also the following chunks, so that no process waits for the others at the end of a chunk: each group is
  // then computed by one thread, so that the chunks do not change the numbers. Calls `meanwhile` about twice per
  // second.
  absl::Status Chunks(const std::function<void()>& meanwhile);
  absl::Status Write();

  const RunContext& context_;
  const ParamList& params_;
  const EvaluationWork& work_;
  const EpisodeTester tester_;
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

std::vector<EpisodeGroup> Evaluator::GroupsFrom(int64_t begin) const {
  const int64_t end = std::min(work_.episodes, begin + work_.chunk);
  std::vector<EpisodeGroup> groups;
  for (int64_t first = begin; first < end; first += together_) {
    groups.push_back({first, std::min(end, first + together_)});
  }
  return groups;
}

absl::Status Evaluator::Chunks(const std::function<void()>& meanwhile) {
  const auto one_thread = [&](const std::vector<EpisodeGroup>& groups) {
    return static_cast<int>(groups.size()) >= context_.pool->threads();
  };
  int64_t begin = lines_.count() / work_.chunk * work_.chunk;
  SharedEvaluation shared;
  shared.groups = GroupsFrom(begin);
  shared.one_thread = one_thread(shared.groups);  // by all groups of the chunk, also those that are known
  while (context_.crew != nullptr && shared.one_thread && (begin += work_.chunk) < work_.episodes) {
    const std::vector<EpisodeGroup> next = GroupsFrom(begin);
    if (!one_thread(next)) {
      break;
    }
    shared.groups.insert(shared.groups.end(), next.begin(), next.end());
  }
  const auto known = [&](const EpisodeGroup& group) { return group.end <= lines_.count(); };
  shared.groups.erase(std::remove_if(shared.groups.begin(), shared.groups.end(), known), shared.groups.end());
  shared.tester = &tester_;
  shared.params = &params_;
  shared.pool = context_.pool;
  shared.crew = context_.crew;
  shared.split = work_.kind;
  shared.shots = work_.shots;
  shared.what = work_.what;

  std::mutex mutex;  // guards the variables below
  std::vector<std::optional<std::vector<EpisodeResult>>> done(shared.groups.size());
  size_t next = 0;  // the first group whose lines are missing
  const auto take = [&] {
    const std::lock_guard<std::mutex> lock(mutex);
    for (; next < done.size() && done[next].has_value(); ++next) {
      for (const EpisodeResult& one : *done[next]) {
        Add(one, &lines_);
      }
    }
  };
  const absl::Status status = EvaluateGroups(
      shared,
      [&](size_t g, std::vector<EpisodeResult> results) {
        const std::lock_guard<std::mutex> lock(mutex);
        done[g] = std::move(results);
      },
      [&] {
        take();
        meanwhile();
      });
  take();
  return status;
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
    const absl::Status status = Chunks([&] {
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
