#include "experiments/report/report_notes.h"

#include <algorithm>
#include <cstddef>
#include <map>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace metaprompt {
namespace {

std::string Short(const std::string& sha256) { return sha256.substr(0, 12); }

std::string DataText(const SeedGroup& group) {
  const DatasetFacts& facts = group.runs[0].record.dataset();
  return absl::StrCat(facts.texts(), " texts, SHA-256 ", Short(facts.content_sha256()));
}

std::string SplitText(const SeedGroup& group) {
  const RunRecord& record = group.runs[0].record;
  const ClassSplit& split = record.spec().dataset().split();
  std::string text = split.has_file()     ? absl::StrCat("file ", split.file())
                     : split.has_shares() ? absl::StrCat("shares ", split.shares().train(), " and ",
                                                         split.shares().valid(), ", seed ", split.shares().seed())
                     : split.has_lists()  ? "lists"
                                          : "its own";
  return absl::StrCat(text, " (", record.dataset().train_classes(), "/", record.dataset().valid_classes(), "/",
                      record.dataset().test_classes(), " classes)");
}

std::string EpisodesText(const SeedGroup& group) {
  const RunRecord& record = group.runs[0].record;
  std::string text = absl::StrCat(record.spec().test().episodes(), " episodes with ",
                                  record.spec().episodes().queries(), " queries per class, ");
  if (!record.manifest_sha256().empty()) {
    return absl::StrCat(text, "manifest ", Short(record.manifest_sha256()));
  }
  return absl::StrCat(text, group.runs.size() == 1 ? "seed " : "seeds ",
                      absl::StrJoin(group.runs, ", ", [](std::string* out, const ReportedRun& run) {
                        absl::StrAppend(out, run.record.spec().seed());
                      }));
}

std::string EncoderText(const SeedGroup& group) {
  const ModelFacts& model = group.runs[0].record.model();
  return absl::StrCat(model.architecture(), " of ", model.encoder_parameters(), " parameters",
                      model.encoder_sha256().empty() ? "" : absl::StrCat(", SHA-256 ", Short(model.encoder_sha256())));
}

// Which runs have which value. If most runs, and more than three, have the same value, it comes last and without their
// names.
std::string DifferenceText(std::vector<std::string> values,
                           const std::map<std::string, std::vector<std::string>>& who) {
  const auto largest = std::max_element(
      values.begin(), values.end(), [&](const auto& a, const auto& b) { return who.at(a).size() < who.at(b).size(); });
  const size_t most = who.at(*largest).size();
  size_t all = 0;
  for (const std::string& value : values) {
    all += who.at(value).size();
  }
  const bool shorter = most > 3 && 2 * most > all;
  if (shorter) {
    std::rotate(largest, largest + 1, values.end());
  }
  return absl::StrJoin(values, "; ", [&](std::string* out, const std::string& value) {
    absl::StrAppend(
        out, shorter && value == values.back() ? absl::StrCat("the other ", most) : absl::StrJoin(who.at(value), ", "),
        ": ", value);
  });
}

}  // namespace

std::vector<std::string> ComparisonNotes(const std::vector<SeedGroup>& groups) {
  std::vector<std::string> datasets;
  std::map<std::string, std::vector<const SeedGroup*>> of_dataset;
  for (const SeedGroup& group : groups) {
    const std::string& name = group.runs[0].record.dataset().name();
    if (of_dataset.count(name) == 0) {
      datasets.push_back(name);
    }
    of_dataset[name].push_back(&group);
  }
  std::vector<std::string> notes;
  for (const std::string& dataset : datasets) {
    for (const auto& [what, text] :
         {std::make_pair("data", DataText), std::make_pair("class split", SplitText),
          std::make_pair("episodes", EpisodesText), std::make_pair("encoder", EncoderText)}) {
      std::vector<std::string> values;
      std::map<std::string, std::vector<std::string>> who;
      for (const SeedGroup* group : of_dataset[dataset]) {
        const std::string value = text(*group);
        if (who.count(value) == 0) {
          values.push_back(value);
        }
        who[value].push_back(group->name);
      }
      if (values.size() > 1) {
        notes.push_back(absl::StrCat(dataset, ": the runs differ in ", what, ": ", DifferenceText(values, who)));
      }
    }
  }
  return notes;
}

}  // namespace metaprompt
