#include "experiments/report/shot_classes.h"

#include <cstddef>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"

namespace metaprompt {
namespace {

// Nothing if the record has no classes, or counts that do not fit them.
std::optional<Confusion> ConfusionOf(const Evaluation& test) {
  std::vector<std::string> labels;
  for (const ClassResult& one : test.classes()) {
    if (one.taken_for_size() != test.classes_size()) {
      return std::nullopt;
    }
    labels.push_back(one.label());
  }
  if (labels.empty()) {
    return std::nullopt;
  }
  Confusion confusion(std::move(labels));
  for (int c = 0; c < test.classes_size(); ++c) {
    confusion.counts[static_cast<size_t>(c)].assign(test.classes(c).taken_for().begin(),
                                                    test.classes(c).taken_for().end());
  }
  return confusion;
}

void Add(const ReportedRun& run, std::vector<ShotClasses>* sums) {
  const std::vector<ShotClasses> more = ClassesOf(run.record);
  for (ShotClasses& sum : *sums) {
    bool added = false;
    for (const ShotClasses& one : more) {
      if (one.shots == sum.shots && one.initialisation == sum.initialisation &&
          one.confusion.labels == sum.confusion.labels) {
        for (size_t c = 0; c < sum.confusion.labels.size(); ++c) {
          for (size_t a = 0; a < sum.confusion.labels.size(); ++a) {
            sum.confusion.counts[c][a] += one.confusion.counts[c][a];
          }
        }
        added = true;
      }
    }
    if (!added) {
      sum.left_out.push_back(run.path);
    }
  }
}

}  // namespace

std::vector<ShotClasses> ClassesOf(const RunRecord& record) {
  std::vector<ShotClasses> all;
  for (const ShotResult& result : record.results()) {
    if (result.tests_size() == 0) {
      continue;
    }
    const Evaluation& last = *result.tests().rbegin();
    if (std::optional<Confusion> confusion = ConfusionOf(last); confusion.has_value()) {
      all.push_back(ShotClasses{result.shots(), last.initialisation(), *std::move(confusion), {}});
    }
  }
  return all;
}

std::vector<ShotClasses> ClassesOf(const SeedGroup& group) {
  std::vector<ShotClasses> sums = ClassesOf(group.runs[0].record);
  for (size_t i = 1; i < group.runs.size(); ++i) {
    Add(group.runs[i], &sums);
  }
  return sums;
}

std::string TitleOf(const ShotClasses& one) {
  std::string title = absl::StrCat(one.shots, "-shot, ", one.initialisation, ": each test class, over ",
                                   TextsOf(one.confusion), " query texts");
  for (const std::string& run : one.left_out) {
    absl::StrAppend(&title, "; without ", run, ", whose classes differ");
  }
  return title;
}

}  // namespace metaprompt
