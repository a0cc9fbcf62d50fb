#include "experiments/runs/class_results.h"

#include <cstddef>
#include <cstdint>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"

namespace metaprompt {

absl::Status AddClassResults(const Dataset& dataset, absl::string_view lines, const PlanOf& plan,
                             Evaluation* evaluation) {
  const std::vector<const TextClass*> classes = dataset.Of(Split::kTest);
  std::vector<std::vector<int64_t>> counts(classes.size(), std::vector<int64_t>(classes.size(), 0));
  int64_t episode = 0;
  for (const absl::string_view line : absl::StrSplit(absl::StripSuffix(lines, "\n"), '\n')) {
    const EpisodePlan one = plan(episode);
    const std::vector<absl::string_view> ways = absl::StrSplit(line.substr(line.find('\t') + 1), ' ');
    bool fits = ways.size() == one.query.size();
    for (size_t q = 0; fits && q < ways.size(); ++q) {
      size_t way = 0;
      fits = absl::SimpleAtoi(ways[q], &way) && way < one.classes.size();
      if (fits) {
        ++counts[static_cast<size_t>(one.query[q].of_class)][static_cast<size_t>(one.classes[way])];
      }
    }
    if (!fits) {
      return absl::InvalidArgumentError(
          absl::StrCat("the predictions of test episode ", episode,
                       " do not fit its texts; remove the file of predictions in the run's folder to test again"));
    }
    ++episode;
  }
  for (size_t c = 0; c < classes.size(); ++c) {
    ClassResult* result = evaluation->add_classes();
    result->set_label(classes[c]->label);
    result->set_right(counts[c][c]);
    int64_t texts = 0;
    for (const int64_t count : counts[c]) {
      texts += count;
      result->add_taken_for(count);
    }
    result->set_texts(texts);
  }
  return absl::OkStatus();
}

}  // namespace metaprompt
