#include "experiments/report/run_table.h"

#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "experiments/report/percent.h"
#include "metaprompt/base/text_table.h"

namespace metaprompt {
std::string ResultTable(const RunRecord& record) {
  const ExperimentSpec& spec = record.spec();
  std::vector<std::vector<std::string>> rows;
  std::vector<std::string> header = {"initialisation"};
  for (const ShotResult& result : record.results()) {
    header.push_back(absl::StrCat(result.shots(), "-shot"));
  }
  rows.push_back(header);
  TextColumns columns;
  columns.is_number.assign(header.size(), true);
  columns.is_number[0] = false;
  if (record.results_size() > 0) {
    for (int i = 0; i < record.results(0).tests_size(); ++i) {
      std::vector<std::string> row = {record.results(0).tests(i).initialisation()};
      for (const ShotResult& result : record.results()) {
        row.push_back(i < result.tests_size()
                          ? PercentInterval(result.tests(i).mean_accuracy(), result.tests(i).half_width(), false)
                          : "");
      }
      rows.push_back(row);
    }
    for (int i = 0; i < record.results(0).differences_size(); ++i) {
      const PairedDifference& first = record.results(0).differences(i);
      std::vector<std::string> row = {record.results(0).differences_size() == 1
                                          ? "paired difference"
                                          : absl::StrCat(first.of(), " − ", first.over())};
      for (const ShotResult& result : record.results()) {
        row.push_back(i < result.differences_size()
                          ? PercentInterval(result.differences(i).mean(), result.differences(i).half_width(), true)
                          : "");
      }
      rows.push_back(row);
    }
  }
  std::string text = absl::StrFormat(
      "%s: %d-way, %d queries per class, %d episodes of classes never trained on\n"
      "accuracy in %%, mean ± 95 %% interval over episodes; chance is %.0f %%\n\n",
      record.dataset().name(), spec.episodes().ways(), spec.episodes().queries(), spec.test().episodes(),
      100.0 / spec.episodes().ways());
  return text + TextTable(rows, columns);
}

}  // namespace metaprompt
