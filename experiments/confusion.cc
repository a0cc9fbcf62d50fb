#include "experiments/confusion.h"

#include <algorithm>
#include <numeric>
#include <tuple>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "metaprompt/base/text_table.h"

namespace metaprompt {
namespace {

constexpr size_t kMatrixClasses = 20;
constexpr size_t kListedMistakes = 20;

using Row = std::vector<std::string>;

std::string MistakeList(const Confusion& confusion) {
  std::vector<std::tuple<int64_t, size_t, size_t>> mistakes;  // negative count, label, answer
  for (size_t c = 0; c < confusion.labels.size(); ++c) {
    for (size_t a = 0; a < confusion.labels.size(); ++a) {
      if (a != c && confusion.counts[c][a] > 0) {
        mistakes.emplace_back(-confusion.counts[c][a], c, a);
      }
    }
  }
  std::sort(mistakes.begin(), mistakes.end());
  std::vector<Row> rows = {{"texts", "label", "answer"}};
  for (size_t i = 0; i < std::min(kListedMistakes, mistakes.size()); ++i) {
    const auto& [count, label, answer] = mistakes[i];
    rows.push_back({absl::StrCat(-count), confusion.labels[label], confusion.labels[answer]});
  }
  return absl::StrCat("the most frequent mistakes\n", TextTable(rows, {{true, false, false}, 2, 2}));
}

}  // namespace

ClassScore ScoreOf(const Confusion& confusion, size_t label) {
  ClassScore score;
  for (size_t other = 0; other < confusion.labels.size(); ++other) {
    score.texts += confusion.counts[label][other];
    score.answers += confusion.counts[other][label];
  }
  score.right = confusion.counts[label][label];
  const auto share = [&](int64_t of) {
    return of == 0 ? std::optional<double>() : static_cast<double>(score.right) / static_cast<double>(of);
  };
  score.precision = share(score.answers);
  score.recall = share(score.texts);
  if (score.precision.has_value() || score.recall.has_value()) {
    const double precision = score.precision.value_or(0);
    const double recall = score.recall.value_or(0);
    const double sum = precision + recall;
    score.f1 = sum == 0 ? 0 : 2 * precision * recall / sum;
  }
  return score;
}

std::optional<size_t> MostFrequentMistake(const Confusion& confusion, size_t label) {
  std::optional<size_t> most;
  int64_t times = 0;
  for (size_t a = 0; a < confusion.labels.size(); ++a) {
    if (a != label && confusion.counts[label][a] > times) {
      most = a;
      times = confusion.counts[label][a];
    }
  }
  return most;
}

int64_t TextsOf(const Confusion& confusion) {
  return std::accumulate(confusion.counts.begin(), confusion.counts.end(), int64_t{0},
                         [](int64_t sum, const auto& row) { return std::accumulate(row.begin(), row.end(), sum); });
}

int64_t RightOf(const Confusion& confusion) {
  int64_t right = 0;
  for (size_t c = 0; c < confusion.labels.size(); ++c) {
    right += confusion.counts[c][c];
  }
  return right;
}

double MacroF1(const Confusion& confusion) {
  double sum = 0;
  int classes = 0;
  for (size_t c = 0; c < confusion.labels.size(); ++c) {
    if (const std::optional<double> f1 = ScoreOf(confusion, c).f1; f1.has_value()) {
      sum += *f1;
      ++classes;
    }
  }
  return classes == 0 ? 0 : sum / classes;
}

std::string PercentOf(std::optional<double> share) {
  return share.has_value() ? absl::StrFormat("%.1f", 100 * *share) : "";
}

std::string ClassTable(const Confusion& confusion) {
  std::vector<Row> rows = {{"class", "texts", "right", "precision", "recall", "F1", "most often taken for"}};
  for (size_t c = 0; c < confusion.labels.size(); ++c) {
    const ClassScore score = ScoreOf(confusion, c);
    const std::optional<size_t> mistake = MostFrequentMistake(confusion, c);
    rows.push_back({confusion.labels[c], absl::StrCat(score.texts), absl::StrCat(score.right),
                    PercentOf(score.precision), PercentOf(score.recall), PercentOf(score.f1),
                    mistake.has_value()
                        ? absl::StrCat(confusion.labels[*mistake], " (", confusion.counts[c][*mistake], ")")
                        : ""});
  }
  return TextTable(rows, {{false, true, true, true, true, true, false}, /*indent=*/2, /*gap=*/2});
}

std::string ConfusionTable(const Confusion& confusion) {
  if (confusion.labels.size() > kMatrixClasses) {
    return MistakeList(confusion);
  }
  Row header = {"", "label"};
  TextColumns columns = {{false, false}, /*indent=*/2, /*gap=*/2};
  for (size_t c = 0; c < confusion.labels.size(); ++c) {
    header.push_back(absl::StrCat(c + 1));
    columns.is_number.push_back(true);
  }
  std::vector<Row> rows = {header};
  for (size_t c = 0; c < confusion.labels.size(); ++c) {
    Row row = {absl::StrCat(c + 1), confusion.labels[c]};
    for (const int64_t count : confusion.counts[c]) {
      row.push_back(count == 0 ? "." : absl::StrCat(count));
    }
    rows.push_back(row);
  }
  return absl::StrCat("confusion matrix: a row per label, a column per answer\n", TextTable(rows, columns));
}

}  // namespace metaprompt
