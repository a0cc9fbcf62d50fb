#include "experiments/runs/class_results.h"

#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "metaprompt/base/status_macros.h"

namespace metaprompt {

absl::StatusOr<Confusion> ConfusionOf(const Dataset& dataset, Split split, absl::string_view lines,
                                      const PlanOf& plan) {
  std::vector<std::string> labels;
  for (const TextClass* one : dataset.Of(split)) {
    labels.push_back(one->label);
  }
  Confusion confusion(std::move(labels));
  int64_t episode = 0;
  for (const absl::string_view line : absl::StrSplit(absl::StripSuffix(lines, "\n"), '\n')) {
    const EpisodePlan one = plan(episode);
    const std::vector<absl::string_view> ways = absl::StrSplit(line.substr(line.find('\t') + 1), ' ');
    bool fits = ways.size() == one.query.size();
    for (size_t q = 0; fits && q < ways.size(); ++q) {
      size_t way = 0;
      fits = absl::SimpleAtoi(ways[q], &way) && way < one.classes.size();
      if (fits) {
        ++confusion.counts[static_cast<size_t>(one.query[q].of_class)][static_cast<size_t>(one.classes[way])];
      }
    }
    if (!fits) {
      return absl::InvalidArgumentError(
          absl::StrCat("the predictions of episode ", episode,
                       " do not fit its texts; remove the file of predictions in the run's folder to test again"));
    }
    ++episode;
  }
  return confusion;
}

absl::Status AddClassResults(const Dataset& dataset, absl::string_view lines, const PlanOf& plan,
                             Evaluation* evaluation) {
  ASSIGN_OR_RETURN(const Confusion confusion, ConfusionOf(dataset, Split::kTest, lines, plan));
  for (size_t c = 0; c < confusion.labels.size(); ++c) {
    ClassResult* result = evaluation->add_classes();
    result->set_label(confusion.labels[c]);
    result->set_right(confusion.counts[c][c]);
    int64_t texts = 0;
    for (const int64_t count : confusion.counts[c]) {
      texts += count;
      result->add_taken_for(count);
    }
    result->set_texts(texts);
  }
  return absl::OkStatus();
}

}  // namespace metaprompt
