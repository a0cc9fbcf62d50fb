#include "experiments/fine_tuning/fine_tuning_record.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <numeric>
#include <tuple>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "datasets/text_names.h"
#include "experiments/fine_tuning/fine_tuning_spec.h"
#include "experiments/runs/run_directory.h"
#include "experiments/training/read_checked.h"
#include "metaprompt/base/statistics.h"
#include "metaprompt/base/status_macros.h"
#include "metaprompt/base/text.h"

namespace metaprompt {
namespace {

constexpr double kSameShare = 1e-9;

absl::Status Wrong(const std::string& what) { return absl::InvalidArgumentError(what); }

absl::Status CheckCounts(const FineTuningRecord& record) {
  const TextFacts& texts = record.texts();
  for (const auto& [name, count] :
       std::vector<std::pair<const char*, int64_t>>{{"texts.classes", texts.classes()},
                                                    {"texts.train_texts", texts.train_texts()},
                                                    {"texts.valid_texts", texts.valid_texts()},
                                                    {"texts.test_texts", texts.test_texts()},
                                                    {"texts.left_out", texts.left_out()},
                                                    {"texts.cut_texts", texts.cut_texts()},
                                                    {"best_step", record.best_step()},
                                                    {"trained_steps", record.trained_steps()},
                                                    {"steps_per_epoch", record.steps_per_epoch()}}) {
    if (count < 0) {
      return Wrong(absl::StrCat(name, " is ", count, "; it must be >= 0"));
    }
  }
  if (record.best_step() > record.trained_steps()) {
    return Wrong(absl::StrCat("best_step is ", record.best_step(), "; trained_steps is ", record.trained_steps()));
  }
  return absl::OkStatus();
}

absl::Status CheckClasses(const FineTuningRecord& record) {
  const ClassificationResult& test = record.test();
  if (test.classes_size() != record.texts().classes()) {
    return Wrong(
        absl::StrCat("test has ", test.classes_size(), " classes; texts.classes is ", record.texts().classes()));
  }
  int64_t texts = 0;
  int64_t right = 0;
  for (int c = 0; c < test.classes_size(); ++c) {
    const ClassResult& one = test.classes(c);
    const auto& counts = one.taken_for();
    if (counts.size() != test.classes_size() ||
        std::any_of(counts.begin(), counts.end(), [](int64_t count) { return count < 0; })) {
      return Wrong(absl::StrCat("test: the class ", Quoted(one.label()), " must have ", test.classes_size(),
                                " counts taken_for, none below 0"));
    }
    const int64_t sum = std::accumulate(counts.begin(), counts.end(), int64_t{0});
    if (one.texts() != sum || one.right() != counts[c]) {
      return Wrong(absl::StrCat("test: texts and right of the class ", Quoted(one.label()), " are ", one.texts(),
                                " and ", one.right(), "; its counts taken_for make them ", sum, " and ", counts[c]));
    }
    texts += one.texts();
    right += one.right();
  }
  if (texts != test.texts() || right != test.right()) {
    return Wrong(absl::StrCat("test.texts and test.right are ", test.texts(), " and ", test.right(),
                              "; those of its classes are ", texts, " and ", right));
  }
  return absl::OkStatus();
}

}  // namespace

bool IsFineTuning(const std::string& folder) { return HasFile(folder, kFineTuningFile); }

absl::Status CheckFineTuning(const FineTuningRecord& record) {
  RETURN_IF_ERROR(CheckVersion(record.has_version(), record.version(), kFineTuningVersion));
  if (const std::vector<std::string> broken = CheckFineTuningSpec(record.spec()); !broken.empty()) {
    return Wrong(absl::StrCat("spec: ", broken[0]));
  }
  RETURN_IF_ERROR(CheckCounts(record));
  RETURN_IF_ERROR(CheckCurve(record.curve(), record.trained_steps()));
  if (!record.has_test()) {
    return absl::OkStatus();
  }
  RETURN_IF_ERROR(CheckClasses(record));
  const ClassificationResult& test = record.test();
  const ShareInterval interval = WilsonInterval(test.right(), test.texts());
  if (!(std::abs(interval.share - test.accuracy()) < kSameShare)) {
    return Wrong(absl::StrCat("test.accuracy is ", test.accuracy(), "; right / texts is ", interval.share));
  }
  for (const auto& [name, share, follows] :
       {std::make_tuple("low", test.low(), interval.low), std::make_tuple("high", test.high(), interval.high),
        std::make_tuple("macro_f1", test.macro_f1(), MacroF1(ConfusionOf(test)))}) {
    if (!(std::abs(share - follows) < kSameShare)) {
      return Wrong(absl::StrCat("test.", name, " is ", share, "; from the counts it is ", follows));
    }
  }
  return absl::OkStatus();
}

absl::StatusOr<FineTuningRecord> ReadFineTuning(const std::string& folder) {
  FineTuningRecord record;
  RETURN_IF_ERROR(ReadCheckedFile(folder, kFineTuningFile, &record));
  RETURN_IF_ERROR(InFile(folder, kFineTuningFile, CheckFineTuning(record)));
  return record;
}

Confusion ConfusionOf(const ClassificationResult& test) {
  std::vector<std::string> labels;
  for (const ClassResult& one : test.classes()) {
    labels.push_back(one.label());
  }
  Confusion confusion(std::move(labels));
  for (int c = 0; c < test.classes_size(); ++c) {
    confusion.counts[static_cast<size_t>(c)].assign(test.classes(c).taken_for().begin(),
                                                    test.classes(c).taken_for().end());
  }
  return confusion;
}

const char* ExamplesOf(const FineTuningSpec& spec) { return HasImages(spec.dataset()) ? "images" : "texts"; }

std::string FineTuningTable(const FineTuningRecord& record) {
  const TextFacts& texts = record.texts();
  const char* const examples = ExamplesOf(record.spec());
  std::string table = absl::StrFormat("%s: %d classes, fine-tuned on %d %s\n", texts.name(), texts.classes(),
                                      texts.train_texts(), examples);
  absl::StrAppendFormat(&table, "parameters of step %d of %d; an epoch has %d steps\n\n", record.best_step(),
                        record.trained_steps(), record.steps_per_epoch());
  for (const TrainingPoint& point : record.curve()) {
    if (point.step() == record.best_step() && point.has_valid_accuracy()) {
      absl::StrAppendFormat(&table, "  validation accuracy   %6.2f %% of %d %s\n", 100 * point.valid_accuracy(),
                            texts.valid_texts(), examples);
    }
  }
  if (!record.has_test()) {
    return absl::StrCat(table, "  no test ", examples, "\n");
  }
  const ClassificationResult& test = record.test();
  absl::StrAppendFormat(&table, "  test accuracy         %6.2f %% of %d %s, 95 %% interval %.2f to %.2f (Wilson)\n",
                        100 * test.accuracy(), test.texts(), examples, 100 * test.low(), 100 * test.high());
  absl::StrAppendFormat(&table, "  test macro F1         %6.2f %%\n", 100 * test.macro_f1());
  return table;
}

std::string FineTuningClasses(const FineTuningRecord& record) {
  if (!record.has_test()) {
    return "";
  }
  const Confusion confusion = ConfusionOf(record.test());
  return absl::StrCat("each class, over ", TextsOf(confusion), " test ", ExamplesOf(record.spec()), "\n\n",
                      ClassTable(confusion), "\n", ConfusionTable(confusion));
}

}  // namespace metaprompt
