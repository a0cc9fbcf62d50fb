#include "experiments/runs/meta_test.h"

#include <cstdint>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "experiments/host/stop_signals.h"
#include "experiments/ranks/crew.h"
#include "experiments/runs/class_results.h"
#include "experiments/runs/count_words.h"
#include "experiments/runs/evaluate.h"
#include "metaprompt/base/hash.h"
#include "metaprompt/base/statistics.h"
#include "metaprompt/base/status_macros.h"

namespace metaprompt {
namespace {

constexpr int64_t kTestChunk = 20;  // episodes
constexpr char kCountingWords[] = "TF-IDF centroids";

std::string Percent(const MeanInterval& mean) {
  return absl::StrFormat("%.2f ± %.2f %%", 100 * mean.mean, 100 * mean.half_width);
}

absl::StatusOr<Evaluation> EvaluationOf(const std::string& initialisation, const EpisodeLines& lines,
                                        const Dataset& dataset, const PlanOf& plan) {
  const MeanInterval mean = Interval(lines.accuracies);
  Evaluation evaluation;
  evaluation.set_initialisation(initialisation);
  evaluation.set_mean_accuracy(mean.mean);
  evaluation.set_half_width(mean.half_width);
  evaluation.set_predictions_sha256(Sha256(lines.text));
  for (const double accuracy : lines.accuracies) {
    evaluation.add_accuracies(static_cast<float>(accuracy));
  }
  RETURN_IF_ERROR(AddClassResults(dataset, lines.text, plan, &evaluation));
  return evaluation;
}

}  // namespace

absl::StatusOr<Evaluation> MetaTest(const RunContext& context, int shots, const std::string& initialisation,
                                    const ParamList& params) {
  const TestSet::Access access = context.bench->test_set().Begin();
  ASSIGN_OR_RETURN(const TaskSource* const split, context.bench->Prompted(Split::kTest));
  const PlanOf plan = context.bench->test_set().Plans(shots);
  const ExperimentSpec& spec = context.bench->spec();
  const int64_t total = spec.test().episodes();
  EvaluationWork work;
  work.what = absl::StrCat(shots, "-shot meta-test, ", initialisation);
  work.file = absl::StrCat("test-", shots, "shot-", initialisation, ".tsv");
  work.kind = Split::kTest;
  work.shots = shots;
  work.episodes = total;
  work.chunk = kTestChunk;
  if (context.crew != nullptr) {
    context.crew->NewParams(MetaInfos(context.bench->model(), *context.learner), shots);
  }
  bool begun = false;
  const auto show = [&](const EpisodeLines& lines) {
    if (!begun) {  // episodes of an earlier process count as done, but not for the speed
      context.progress->Begin(work.what, "episodes", lines.count(), total);
      begun = true;
    }
    context.progress->Update(lines.count(), lines.count() > 0 ? Percent(Interval(lines.accuracies)) : "");
  };
  ASSIGN_OR_RETURN(const EpisodeLines lines, Evaluate(context, params, *split, plan, work, show));
  context.progress->End(absl::StrFormat("%d episodes, %s", total, Percent(Interval(lines.accuracies))));
  return EvaluationOf(initialisation, lines, context.bench->dataset(), plan);
}

absl::StatusOr<Evaluation> TestWordCounts(const RunContext& context, int shots, WordCounts* words) {
  const TestSet::Access access = context.bench->test_set().Begin();
  const PlanOf plan = context.bench->test_set().Plans(shots);
  const Dataset& dataset = context.bench->dataset();
  const int64_t total = context.bench->spec().test().episodes();
  context.progress->Begin(absl::StrCat(shots, "-shot meta-test, ", kCountingWords), "episodes", 0, total);
  const StopsLater stops_later;
  ASSIGN_OR_RETURN(const EpisodeLines lines, words->Test(dataset.Of(Split::kTest), plan, total, *context.stop));
  context.progress->End(absl::StrFormat("%d episodes, %s", total, Percent(Interval(lines.accuracies))));
  return EvaluationOf(kCountingWords, lines, dataset, plan);
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

}  // namespace metaprompt
