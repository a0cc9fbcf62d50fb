#include "experiments/workbench/check_record.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "experiments/spec.h"
#include "metaprompt/base/statistics.h"
#include "metaprompt/base/status_macros.h"
#include "metaprompt/base/text.h"

namespace metaprompt {
namespace {

constexpr double kMostSeconds = 1e9;  // 30 years
constexpr double kSame = 1e-5;        // the largest difference between results in double and in float
constexpr int64_t kMostTexts = 1000000000000;
constexpr double kWidest = 6.36;  // the widest possible half interval: two accuracies, 0 and 1, and Student's 12.71

absl::Status Wrong(const std::string& what) { return absl::InvalidArgumentError(what); }

bool IsWidth(double x) { return x >= 0 && x <= kWidest; }

bool AreSame(double a, double b) { return std::abs(a - b) <= kSame; }  // false for NaN

// Whether this is half the width of the interval: Student's, or the normal distribution's, which earlier versions
// wrote.
bool IsWidthOf(const MeanInterval& interval, double half_width) {
  return half_width >= 1.9599 * interval.standard_error - kSame && half_width <= interval.half_width + kSame;
}

MeanInterval IntervalOf(const Evaluation& test) {
  return Interval(std::vector<double>(test.accuracies().begin(), test.accuracies().end()));
}

absl::Status CheckCounts(const std::vector<std::pair<const char*, int64_t>>& counts) {
  for (const auto& [name, count] : counts) {
    if (count < 0) {
      return Wrong(absl::StrCat(name, " is ", count, "; it must be >= 0"));
    }
  }
  return absl::OkStatus();
}

absl::Status CheckFacts(const RunRecord& record) {
  const DatasetFacts& data = record.dataset();
  const ModelFacts& model = record.model();
  for (const auto& [field, text] :
       {std::make_pair("dataset.name", data.name()), std::make_pair("dataset.distribution", data.distribution()),
        std::make_pair("dataset.split", data.split())}) {
    if (!IsPrintable(text)) {
      return Wrong(absl::StrCat(field, " is ", Quoted(text), "; it must be UTF-8 without control characters"));
    }
  }
  return CheckCounts({{"dataset.texts", data.texts()},
                      {"dataset.train_classes", data.train_classes()},
                      {"dataset.valid_classes", data.valid_classes()},
                      {"dataset.test_classes", data.test_classes()},
                      {"dataset.dropped_duplicates", data.dropped_duplicates()},
                      {"dataset.empty_texts", data.empty_texts()},
                      {"dataset.skipped_bad_lines", data.skipped_bad_lines()},
                      {"model.encoder_parameters", model.encoder_parameters()},
                      {"model.prompt_parameters", model.prompt_parameters()},
                      {"model.vocab_size", model.vocab_size()}});
}

// The counts of each class: `right` and `texts` follow from taken_for. `test` is how errors name the test.
absl::Status CheckClasses(const Evaluation& evaluation, const std::string& test) {
  std::set<std::string> labels;
  double right = 0;
  double texts = 0;
  for (int c = 0; c < evaluation.classes_size(); ++c) {
    const ClassResult& one = evaluation.classes(c);
    const std::string name = absl::StrCat(test, ": the class ", Quoted(one.label()));
    if (!labels.insert(one.label()).second || !IsPrintable(one.label())) {
      return Wrong(
          absl::StrCat(name, IsPrintable(one.label()) ? " is listed twice" : " has control characters in its name"));
    }
    double sum = 0;  // whole numbers up to 2^53 are exact
    bool fits = one.taken_for_size() == evaluation.classes_size();
    for (const int64_t count : one.taken_for()) {
      fits = fits && count >= 0 && count <= kMostTexts;
      sum += static_cast<double>(count);
    }
    if (!fits) {
      return Wrong(
          absl::StrCat(name, " must have ", evaluation.classes_size(), " counts taken_for, within 0 and 10^12"));
    }
    if (sum != static_cast<double>(one.texts()) || one.right() != one.taken_for(c)) {
      return Wrong(absl::StrCat(name, " has ", one.texts(), " texts, ", one.right(),
                                " right; its counts taken_for give ", sum, " and ", one.taken_for(c)));
    }
    right += static_cast<double>(one.right());
    texts += sum;
  }
  if (texts > 0 && !AreSame(right / texts, evaluation.mean_accuracy())) {
    return Wrong(absl::StrCat(test, ": the share of right answers in its classes is ", right / texts,
                              "; mean_accuracy is ", evaluation.mean_accuracy()));
  }
  return absl::OkStatus();
}

absl::Status CheckTest(const Evaluation& test, int episodes, const std::string& shots) {
  const std::string& name = test.initialisation();
  if (!IsPrintable(name)) {
    return Wrong(absl::StrCat(shots, "the initialisation ", Quoted(name), " has control characters"));
  }
  if (!IsShare(test.mean_accuracy()) || !IsWidth(test.half_width()) ||
      !std::all_of(test.accuracies().begin(), test.accuracies().end(), IsShare)) {
    return Wrong(absl::StrCat(shots, "an accuracy of ", name, " is not within 0 and 1"));
  }
  if (test.accuracies_size() != episodes) {
    return Wrong(
        absl::StrCat(shots, name, " has ", test.accuracies_size(), " accuracies; test.episodes is ", episodes));
  }
  const MeanInterval interval = IntervalOf(test);
  if (!AreSame(interval.mean, test.mean_accuracy()) || !IsWidthOf(interval, test.half_width())) {
    return Wrong(absl::StrCat(shots, "mean_accuracy of ", name, " is ", test.mean_accuracy(), " ± ", test.half_width(),
                              "; that of its accuracies is ", interval.mean, " ± ", interval.half_width));
  }
  return CheckClasses(test, absl::StrCat(shots, name));
}

// Checks the difference of two tests on the same episodes.
absl::Status CheckDifference(const PairedDifference& difference, const ShotResult& result, const std::string& shots) {
  const auto test_of = [&](const std::string& name) {
    return std::find_if(result.tests().begin(), result.tests().end(),
                        [&](const Evaluation& test) { return test.initialisation() == name; });
  };
  const auto of = test_of(difference.of());
  const auto over = test_of(difference.over());
  const std::string name =
      absl::StrCat(shots, "a difference of ", Quoted(difference.of()), " over ", Quoted(difference.over()));
  if (of == result.tests().end() || over == result.tests().end()) {
    return Wrong(absl::StrCat(name, ", which are not both tested"));
  }
  std::vector<double> differences;
  for (int i = 0; i < of->accuracies_size(); ++i) {
    differences.push_back(static_cast<double>(of->accuracies(i)) - static_cast<double>(over->accuracies(i)));
  }
  const MeanInterval interval = Interval(differences);
  if (!AreSame(interval.mean, difference.mean()) || !IsWidthOf(interval, difference.half_width())) {
    return Wrong(absl::StrCat(name, " is ", difference.mean(), " ± ", difference.half_width(),
                              "; that of their accuracies is ", interval.mean, " ± ", interval.half_width));
  }
  return absl::OkStatus();
}

absl::Status CheckResult(const ShotResult& result, const ExperimentSpec& spec) {
  const std::string shots = absl::StrCat(result.shots(), "-shot: ");
  std::set<std::string> tested;
  for (const Evaluation& test : result.tests()) {
    if (!tested.insert(test.initialisation()).second) {
      return Wrong(absl::StrCat(shots, Quoted(test.initialisation()), " is tested twice"));
    }
    RETURN_IF_ERROR(CheckTest(test, spec.test().episodes(), shots));
  }
  for (const PairedDifference& difference : result.differences()) {
    RETURN_IF_ERROR(CheckDifference(difference, result, shots));
  }
  for (const CurvePoint& point : result.curve()) {
    if (!IsShare(point.valid_accuracy()) || !IsShare(point.query_accuracy()) || !IsWidth(point.valid_half_width()) ||
        !std::isfinite(point.query_loss()) || point.meta_step() < 0 || point.meta_step() > spec.train().meta_steps()) {
      return Wrong(absl::StrCat(shots,
                                "a point of the training curve is not within 0 and 1, or not within "
                                "train.meta_steps, or its loss is not a number"));
    }
  }
  for (const auto& [name, step] : {std::make_pair("best_meta_step", result.best_meta_step()),
                                   std::make_pair("trained_meta_steps", result.trained_meta_steps())}) {
    if (step < 0 || step > spec.train().meta_steps()) {
      return Wrong(absl::StrCat(shots, name, " is ", step, "; train.meta_steps is ", spec.train().meta_steps()));
    }
  }
  return absl::OkStatus();
}

}  // namespace

bool IsShare(double x) { return x >= 0 && x <= 1; }

absl::Status CheckRecord(const RunRecord& record) {
  if (!record.has_version()) {
    return Wrong("version is missing; the file is empty or not the record of a run");
  }
  if (record.version() != kRecordVersion) {
    return Wrong(
        absl::StrCat("version is ", record.version(), "; this program reads version ", kRecordVersion,
                     record.version() > kRecordVersion ? "; use the program that wrote it, or a newer one" : ""));
  }
  if (const std::vector<std::string> broken = CheckSpec(record.spec()); !broken.empty()) {
    return Wrong(absl::StrCat("spec: ", broken[0]));
  }
  RETURN_IF_ERROR(CheckFacts(record));
  const auto& shots = record.spec().episodes().shots();
  if (record.results_size() != shots.size()) {
    return Wrong(absl::StrCat("it has results for ", record.results_size(),
                              " numbers of shots; spec.episodes.shots has ", shots.size()));
  }
  for (int i = 0; i < shots.size(); ++i) {
    if (record.results(i).shots() != shots[i]) {
      return Wrong(absl::StrCat("results[", i, "].shots is ", record.results(i).shots(), "; spec.episodes.shots[", i,
                                "] is ", shots[i]));
    }
    RETURN_IF_ERROR(CheckResult(record.results(i), record.spec()));
  }
  return absl::OkStatus();
}

absl::Status CheckEnvironment(const Environment& environment) {
  const double seconds = environment.wall_seconds();
  if (!(seconds >= 0) || seconds > kMostSeconds) {
    return Wrong(absl::StrCat("wall_seconds is ", seconds, "; it must be >= 0 and <= 1e9"));
  }
  return CheckCounts({{"cores", environment.cores()}, {"threads", environment.threads()}});
}

}  // namespace metaprompt
