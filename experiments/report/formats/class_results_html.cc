#include "experiments/report/formats/class_results_html.h"

#include <cstddef>
#include <optional>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "experiments/confusion.h"
#include "experiments/image_html.h"
#include "experiments/report/shot_classes.h"
#include "metaprompt/base/html_text.h"

namespace metaprompt {
namespace {

std::string Number(const std::string& text) { return absl::StrCat("<td class=\"n\">", text, "</td>"); }

// A cell with the images of a class.
std::string Pictures(const ClassPictures& pictures, const std::string& label) {
  std::string cell = "<td>";
  if (const auto found = pictures.of_class.find(label); found != pictures.of_class.end()) {
    for (const std::string& image : found->second) {
      cell += ImageHtml(pictures.shape, image, /*scale=*/1);
    }
  }
  return cell + "</td>";
}

// `pictures`: unset for texts.
void AddClasses(const Confusion& confusion, const std::optional<ClassPictures>& pictures, std::string* page) {
  absl::StrAppend(page,
                  "<div class=\"wide tall\" role=\"region\" aria-label=\"test classes\" tabindex=\"0\"><table>\n"
                  "<thead><tr><th scope=\"col\">class</th>",
                  pictures.has_value() ? "<th scope=\"col\">images</th>" : "", "<th scope=\"col\" class=\"n\">",
                  pictures.has_value() ? "queries" : "texts",
                  "</th>"
                  "<th scope=\"col\" class=\"n\">right</th><th scope=\"col\" class=\"n\">precision</th>"
                  "<th scope=\"col\" class=\"n\">recall</th><th scope=\"col\" class=\"n\">F1</th>"
                  "<th scope=\"col\">most often taken for</th></tr></thead>\n<tbody>\n");
  for (size_t c = 0; c < confusion.labels.size(); ++c) {
    const ClassScore score = ScoreOf(confusion, c);
    const std::optional<size_t> mistake = MostFrequentMistake(confusion, c);
    absl::StrAppend(
        page, "<tr><th scope=\"row\">", c + 1, "&nbsp;", HtmlBreakable(confusion.labels[c]), "</th>",
        pictures.has_value() ? Pictures(*pictures, confusion.labels[c]) : "", Number(absl::StrCat(score.texts)),
        Number(absl::StrCat(score.right)), Number(PercentOf(score.precision)), Number(PercentOf(score.recall)),
        Number(PercentOf(score.f1)), "<td>",
        mistake.has_value()
            ? absl::StrCat(HtmlBreakable(confusion.labels[*mistake]), " (", confusion.counts[c][*mistake], ")")
            : "",
        "</td></tr>\n");
  }
  *page += "</tbody>\n</table></div>\n";
}

void AddMatrix(const Confusion& confusion, std::string* page) {
  absl::StrAppend(page,
                  "<p>Confusion matrix: a row per label, a column per answer. The deeper a cell's colour, the larger "
                  "its share of the row.</p>\n<div class=\"wide tall matrix\" role=\"region\" aria-label=\"confusion "
                  "matrix\" tabindex=\"0\"><table>\n<thead><tr><th scope=\"col\">label</th>");
  for (size_t c = 0; c < confusion.labels.size(); ++c) {
    absl::StrAppend(page, "<th scope=\"col\" title=\"", HtmlEscaped(confusion.labels[c]), "\">", c + 1, "</th>");
  }
  *page += "</tr></thead>\n<tbody>\n";
  for (size_t c = 0; c < confusion.labels.size(); ++c) {
    absl::StrAppend(page, "<tr><th scope=\"row\">", c + 1, "&nbsp;", HtmlBreakable(confusion.labels[c]), "</th>");
    const int64_t texts = ScoreOf(confusion, c).texts;
    for (size_t a = 0; a < confusion.labels.size(); ++a) {
      const int64_t count = confusion.counts[c][a];
      if (count == 0) {
        *page += "<td class=\"zero\">·</td>";
        continue;
      }
      absl::StrAppendFormat(page, "<td style=\"background:rgba(%s,%.2f)\">%d</td>", a == c ? "68,119,170" : "204,85,68",
                            0.6 * static_cast<double>(count) / static_cast<double>(texts), count);
    }
    *page += "</tr>\n";
  }
  *page += "</tbody>\n</table></div>\n";
}

}  // namespace

std::string ClassResultsHtml(const SeedGroup& group) {
  std::string page;
  for (const ShotClasses& one : ClassesOf(group)) {
    absl::StrAppend(&page, "<details><summary>", HtmlEscaped(TitleOf(one)), "</summary>\n");
    AddClasses(one.confusion, group.pictures, &page);
    AddMatrix(one.confusion, &page);
    page += "</details>\n";
  }
  return page;
}

}  // namespace metaprompt
