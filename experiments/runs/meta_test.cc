#include "experiments/runs/meta_test.h"

#include <algorithm>
#include <cstdint>
#include <utility>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "experiments/runs/evaluate.h"
#include "metaprompt/base/hash.h"
#include "metaprompt/base/statistics.h"
#include "metaprompt/base/status_macros.h"

namespace metaprompt {
namespace {

constexpr int64_t kTestChunk = 20;  // episodes between two looks at the stop flag

std::string Percent(const MeanInterval& mean) {
  return absl::StrFormat("%.2f ± %.2f %%", 100 * mean.mean, 100 * mean.half_width);
}

// The episodes that are tested so far, as they stand in the file: accuracy, tab, predictions.
struct TestLines {
  std::string text;
  std::vector<double> accuracies;

  int64_t count() const { return static_cast<int64_t>(accuracies.size()); }

  void Add(const EpisodeResult& one) {
    accuracies.push_back(one.accuracy);
    absl::StrAppendFormat(&text, "%.17g\t", one.accuracy);
    for (size_t i = 0; i < one.predictions.size(); ++i) {
      absl::StrAppend(&text, i == 0 ? "" : " ", one.predictions[i]);
    }
    text += '\n';
  }
};

// What an earlier process left in the file.
absl::StatusOr<TestLines> ReadLines(const RunDirectory& directory, const std::string& file, int64_t total) {
  const std::string path = directory.File(file);
  TestLines lines;
  absl::StatusOr<std::string> text = directory.Read(file);
  if (!text.ok()) {
    return absl::Status(text.status().code(), absl::StrCat(text.status().message(), "; remove the file to test again"));
  }
  lines.text = *std::move(text);
  for (absl::string_view line : absl::StrSplit(absl::StripSuffix(lines.text, "\n"), '\n')) {
    double accuracy = 0;
    const size_t tab = line.find('\t');
    if (tab == absl::string_view::npos || !absl::SimpleAtod(line.substr(0, tab), &accuracy) || lines.count() == total) {
      return absl::InvalidArgumentError(
          absl::StrCat(path, ":", lines.count() + 1, ": not an episode's line; remove the file to test again"));
    }
    lines.accuracies.push_back(accuracy);
  }
  return lines;
}

}  // namespace

absl::StatusOr<Evaluation> MetaTest(const RunContext& context, int shots, const std::string& initialisation,
                                    const ParamList& params) {
  const TestSet::Access access = context.bench->test_set().Begin();
  ASSIGN_OR_RETURN(const TextSource* const split, context.bench->Prompted(Split::kTest));
  const PlanOf plan = context.bench->test_set().Plans(shots);
  const ExperimentSpec& spec = context.bench->spec();
  const int64_t total = spec.test().episodes();
  const std::string file = absl::StrCat("test-", shots, "shot-", initialisation, ".tsv");
  TestLines lines;
  if (context.directory->Has(file)) {
    ASSIGN_OR_RETURN(lines, ReadLines(*context.directory, file, total));
  }
  const std::string what = absl::StrCat(shots, "-shot meta-test, ", initialisation);
  context.progress->Begin(what, "episodes", lines.count(), total);
  while (lines.count() < total) {
    const int64_t first = lines.count();
    for (const EpisodeResult& one : EvaluateEpisodes(
             *context.learner, context.bench->model(), params, *split, plan, first, std::min(kTestChunk, total - first),
             TogetherAtTest(spec.learner(), spec.tasks_together()), context.pool)) {
      lines.Add(one);
    }
    RETURN_IF_ERROR(context.directory->Write(file, lines.text));
    if (context.stop->load() && lines.count() < total) {
      return absl::CancelledError(
          absl::StrCat("stopped at episode ", lines.count(), " of ", what, "; the same command continues from there"));
    }
    context.progress->Update(lines.count(), Percent(Interval(lines.accuracies)));
  }
  const MeanInterval mean = Interval(lines.accuracies);
  context.progress->End(absl::StrFormat("%d episodes, %s", total, Percent(mean)));
  Evaluation evaluation;
  evaluation.set_initialisation(initialisation);
  evaluation.set_mean_accuracy(mean.mean);
  evaluation.set_half_width(mean.half_width);
  evaluation.set_predictions_sha256(Sha256(lines.text));
  for (const double accuracy : lines.accuracies) {
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

}  // namespace metaprompt
