#include "experiments/report/class_results_table.h"

#include <cstddef>
#include <optional>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "experiments/confusion.h"
#include "experiments/report/report_charts.h"

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

struct ShotClasses {
  int shots = 0;
  std::string initialisation;
  Confusion confusion;
  std::vector<std::string> left_out;  // runs with other classes
};

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

std::string ClassResultsHtml(const SeedGroup& group) {
  std::string page;
  for (const ShotClasses& one : ClassesOf(group)) {
    const Confusion& confusion = one.confusion;
    absl::StrAppend(
        &page, "<details><summary>", HtmlEscaped(TitleOf(one)),
        "</summary>\n<div class=\"wide\"><table>\n<thead><tr><th></th><th>class</th><th class=\"n\">texts</th>"
        "<th class=\"n\">precision</th><th class=\"n\">recall</th><th class=\"n\">F1</th>");
    for (size_t c = 0; c < confusion.labels.size(); ++c) {
      absl::StrAppend(&page, "<th class=\"n\" title=\"", HtmlEscaped(confusion.labels[c]), "\">", c + 1, "</th>");
    }
    page += "</tr></thead>\n<tbody>\n";
    for (size_t c = 0; c < confusion.labels.size(); ++c) {
      const ClassScore score = ScoreOf(confusion, c);
      absl::StrAppend(&page, "<tr><td class=\"n\">", c + 1, "</td><td>", HtmlEscaped(confusion.labels[c]), "</td>",
                      absl::StrFormat("<td class=\"n\">%d</td><td class=\"n\">%.1f</td><td class=\"n\">%.1f</td>"
                                      "<td class=\"n\">%.1f</td>",
                                      score.texts, 100 * score.precision, 100 * score.recall, 100 * score.f1));
      for (size_t a = 0; a < confusion.labels.size(); ++a) {
        const double share =
            score.texts == 0 ? 0 : static_cast<double>(confusion.counts[c][a]) / static_cast<double>(score.texts);
        absl::StrAppendFormat(&page, "<td class=\"n\" style=\"background:rgba(%s,%.2f)\">%d</td>",
                              a == c ? "68,119,170" : "204,85,68", 0.6 * share, confusion.counts[c][a]);
      }
      page += "</tr>\n";
    }
    page +=
        "</tbody>\n</table></div>\n<p>A row per label, and, in the numbered columns, how often it got each answer.</p>"
        "\n</details>\n";
  }
  return page;
}

}  // namespace metaprompt
