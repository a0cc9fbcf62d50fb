#include "experiments/workbench/check_record.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "experiments/spec.h"
#include "metaprompt/base/status_macros.h"
#include "metaprompt/base/text.h"

namespace metaprompt {
namespace {

constexpr double kMostSeconds = 1e9;  // 30 years
constexpr double kSameMean = 1e-5;    // between a mean in double and that of its numbers in float

absl::Status Wrong(const std::string& what) { return absl::InvalidArgumentError(what); }

bool IsShare(double x) { return x >= 0 && x <= 1; }  // false for NaN

bool IsWidth(double x) { return x >= 0 && std::isfinite(x); }

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

absl::Status CheckTest(const Evaluation& test, int episodes, const std::string& shots) {
  const std::string& name = test.initialisation();
  if (!IsShare(test.mean_accuracy()) || !IsWidth(test.half_width()) ||
      !std::all_of(test.accuracies().begin(), test.accuracies().end(), IsShare)) {
    return Wrong(absl::StrCat(shots, "an accuracy of ", name, " is not within 0 and 1"));
  }
  if (test.accuracies_size() != episodes) {
    return Wrong(
        absl::StrCat(shots, name, " has ", test.accuracies_size(), " accuracies; test.episodes is ", episodes));
  }
  double mean = 0;
  for (const float accuracy : test.accuracies()) {
    mean += static_cast<double>(accuracy) / static_cast<double>(episodes);
  }
  if (std::abs(mean - test.mean_accuracy()) > kSameMean) {
    return Wrong(absl::StrCat(shots, "mean_accuracy of ", name, " is ", test.mean_accuracy(),
                              "; that of its accuracies is ", mean));
  }
  for (const ClassResult& one : test.classes()) {
    const auto wrong = [](int64_t count) { return count < 0; };
    if (one.taken_for_size() != test.classes_size() ||
        std::any_of(one.taken_for().begin(), one.taken_for().end(), wrong)) {
      return Wrong(absl::StrCat(shots, name, ": the class ", Quoted(one.label()), " must have ", test.classes_size(),
                                " counts taken_for, none below 0"));
    }
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
    if (tested.count(difference.of()) == 0 || tested.count(difference.over()) == 0) {
      return Wrong(absl::StrCat(shots, "a difference of ", Quoted(difference.of()), " over ", Quoted(difference.over()),
                                ", which are not both tested"));
    }
    if (!IsShare(std::abs(difference.mean())) || !IsWidth(difference.half_width())) {
      return Wrong(absl::StrCat(shots, "a difference of accuracies is not within -1 and 1"));
    }
  }
  for (const CurvePoint& point : result.curve()) {
    if (!IsShare(point.valid_accuracy()) || !IsShare(point.query_accuracy()) || !IsWidth(point.valid_half_width()) ||
        point.meta_step() < 0 || point.meta_step() > spec.train().meta_steps()) {
      return Wrong(absl::StrCat(shots,
                                "a point of the training curve is not within 0 and 1, or not within "
                                "train.meta_steps"));
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

absl::Status CheckRecord(const RunRecord& record) {
  if (!record.has_version()) {
    return Wrong("version is missing; the file is empty or no record of a run");
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
