#include "experiments/report/class_results_table.h"

#include <vector>

#include "absl/strings/str_cat.h"
#include "experiments/confusion.h"
#include "experiments/report/shot_classes.h"

namespace metaprompt {
namespace {

std::string TextOf(const std::vector<ShotClasses>& all) {
  std::string text;
  for (const ShotClasses& one : all) {
    absl::StrAppend(&text, text.empty() ? "" : "\n", TitleOf(one), "\n\n", ClassTable(one.confusion), "\n",
                    ConfusionTable(one.confusion));
  }
  return text;
}

}  // namespace

std::string ClassResultsText(const RunRecord& record) { return TextOf(ClassesOf(record)); }

std::string ClassResultsOfGroups(const Report& report) {
  std::string text;
  for (const SeedGroup& group : report.groups) {
    if (const std::string of_group = TextOf(ClassesOf(group)); !of_group.empty()) {
      absl::StrAppend(&text, "\n", group.name, "\n\n", of_group);
    }
  }
  return text;
}

}  // namespace metaprompt
