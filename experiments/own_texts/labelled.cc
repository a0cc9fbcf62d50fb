#include "experiments/own_texts/labelled.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <optional>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "metaprompt/base/statistics.h"
#include "metaprompt/base/text_table.h"

namespace metaprompt {
namespace {

constexpr size_t kMistakes = 10;

}  // namespace

void LabelledResult::Add(size_t label, size_t answer, double probability, const std::string& text) {
  ++confusion_.counts[label][answer];
  probabilities_ += probability;
  if (label == answer) {
    return;
  }
  const auto place = std::find_if(mistakes_.begin(), mistakes_.end(),
                                  [&](const Mistake& other) { return other.probability < probability; });
  mistakes_.insert(place, Mistake{probability, label, answer, text});
  mistakes_.resize(std::min(mistakes_.size(), kMistakes));
}

std::string LabelledResult::Text() const {
  const int64_t texts = TextsOf(confusion_);
  if (texts == 0) {
    return "no texts\n";
  }
  const int64_t right = RightOf(confusion_);
  const ShareInterval interval = WilsonInterval(right, texts);
  const auto count = static_cast<double>(texts);
  std::string text = absl::StrFormat(
      "accuracy          %.1f %% (%d of %d texts; 95 %% interval %.1f to %.1f %%)\n"
      "macro F1          %.1f %%\n"
      "mean probability  %.1f %% per answer, which is the accuracy if probabilities are well calibrated\n\n",
      100 * static_cast<double>(right) / count, right, texts, 100 * interval.low, 100 * interval.high,
      100 * MacroF1(confusion_), 100 * probabilities_ / count);
  absl::StrAppend(&text, ClassTable(confusion_), "\n", ConfusionTable(confusion_));
  if (!mistakes_.empty()) {
    absl::StrAppend(&text, "\nthe most confident mistakes: probability, answer, label, text\n");
  }
  std::vector<std::vector<std::string>> rows;
  for (const Mistake& one : mistakes_) {
    rows.push_back({absl::StrFormat("%.4f", one.probability), confusion_.labels[one.answer],
                    confusion_.labels[one.label], one.text});
  }
  return text + TextTable(rows, {{true, false, false, false}, /*indent=*/2, /*gap=*/2});
}

std::string LabelledResult::Json() const {
  const int64_t texts = TextsOf(confusion_);
  const int64_t right = RightOf(confusion_);
  nlohmann::ordered_json object;
  object["texts"] = texts;
  object["right"] = right;
  if (texts > 0) {
    const ShareInterval interval = WilsonInterval(right, texts);
    object["accuracy"] = static_cast<double>(right) / static_cast<double>(texts);
    object["interval"] = {interval.low, interval.high};
    object["macro_f1"] = MacroF1(confusion_);
    object["mean_probability"] = probabilities_ / static_cast<double>(texts);
  }
  for (size_t c = 0; c < confusion_.labels.size(); ++c) {
    const ClassScore score = ScoreOf(confusion_, c);
    const auto share = [](std::optional<double> one) {  // null if there is nothing to count
      return one.has_value() ? nlohmann::ordered_json(*one) : nlohmann::ordered_json();
    };
    object["classes"].push_back({{"label", confusion_.labels[c]},
                                 {"texts", score.texts},
                                 {"answers", score.answers},
                                 {"right", score.right},
                                 {"precision", share(score.precision)},
                                 {"recall", share(score.recall)},
                                 {"f1", share(score.f1)},
                                 {"taken_for", confusion_.counts[c]}});
  }
  object["mistakes"] = nlohmann::ordered_json::array();
  for (const Mistake& one : mistakes_) {
    object["mistakes"].push_back({{"probability", one.probability},
                                  {"answer", confusion_.labels[one.answer]},
                                  {"label", confusion_.labels[one.label]},
                                  {"text", one.text}});
  }
  return object.dump() + "\n";
}

}  // namespace metaprompt
