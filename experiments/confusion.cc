#include "experiments/confusion.h"

#include <algorithm>
#include <numeric>
#include <tuple>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "metaprompt/base/text.h"

namespace metaprompt {
namespace {

constexpr size_t kMatrixClasses = 20;
constexpr size_t kListedMistakes = 20;

using Row = std::vector<std::string>;

// The first `words` columns stand on the left.
std::string Aligned(const std::vector<Row>& rows, size_t words) {
  std::vector<size_t> widths(rows[0].size(), 0);
  for (const Row& row : rows) {
    for (size_t c = 0; c < row.size(); ++c) {
      widths[c] = std::max(widths[c], DisplayWidth(row[c]));
    }
  }
  std::string text;
  for (const Row& row : rows) {
    std::string line;
    for (size_t c = 0; c < row.size(); ++c) {
      const bool left = c < words;
      absl::StrAppend(&line, "  ", Padded(row[c], widths[c], left ? Align::kLeft : Align::kRight));
    }
    line.erase(line.find_last_not_of(' ') + 1);
    absl::StrAppend(&text, line, "\n");
  }
  return text;
}

std::string Percent(double share) { return absl::StrFormat("%.1f", 100 * share); }

// The answer that texts of the class get most often, apart from the right one; the number of classes if there is none.
size_t MostFrequentMistake(const Confusion& confusion, size_t label) {
  size_t most = confusion.labels.size();
  int64_t times = 0;
  for (size_t a = 0; a < confusion.labels.size(); ++a) {
    if (a != label && confusion.counts[label][a] > times) {
      most = a;
      times = confusion.counts[label][a];
    }
  }
  return most;
}

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
  std::vector<Row> rows = {{"label", "answer", "texts"}};
  for (size_t i = 0; i < std::min(kListedMistakes, mistakes.size()); ++i) {
    const auto& [count, label, answer] = mistakes[i];
    rows.push_back({confusion.labels[label], confusion.labels[answer], absl::StrCat(-count)});
  }
  return absl::StrCat("the most frequent mistakes\n", Aligned(rows, 2));
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
    return of == 0 ? 0 : static_cast<double>(score.right) / static_cast<double>(of);
  };
  score.precision = share(score.answers);
  score.recall = share(score.texts);
  const double sum = score.precision + score.recall;
  score.f1 = sum == 0 ? 0 : 2 * score.precision * score.recall / sum;
  return score;
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
    const ClassScore score = ScoreOf(confusion, c);
    if (score.texts + score.answers > 0) {
      sum += score.f1;
      ++classes;
    }
  }
  return classes == 0 ? 0 : sum / classes;
}

std::string ClassTable(const Confusion& confusion) {
  std::vector<Row> rows = {{"class", "most often taken for", "texts", "right", "precision", "recall", "F1"}};
  for (size_t c = 0; c < confusion.labels.size(); ++c) {
    const ClassScore score = ScoreOf(confusion, c);
    const size_t mistake = MostFrequentMistake(confusion, c);
    const bool has_texts = score.texts > 0;
    rows.push_back({confusion.labels[c],
                    mistake == confusion.labels.size()
                        ? ""
                        : absl::StrCat(confusion.labels[mistake], " (", confusion.counts[c][mistake], ")"),
                    absl::StrCat(score.texts), absl::StrCat(score.right),
                    score.answers > 0 ? Percent(score.precision) : "", has_texts ? Percent(score.recall) : "",
                    has_texts || score.answers > 0 ? Percent(score.f1) : ""});
  }
  return Aligned(rows, 2);
}

std::string ConfusionTable(const Confusion& confusion) {
  if (confusion.labels.size() > kMatrixClasses) {
    return MistakeList(confusion);
  }
  Row header = {"", "label"};
  for (size_t c = 0; c < confusion.labels.size(); ++c) {
    header.push_back(absl::StrCat(c + 1));
  }
  std::vector<Row> rows = {header};
  for (size_t c = 0; c < confusion.labels.size(); ++c) {
    Row row = {absl::StrCat(c + 1), confusion.labels[c]};
    for (const int64_t count : confusion.counts[c]) {
      row.push_back(count == 0 ? "." : absl::StrCat(count));
    }
    rows.push_back(row);
  }
  return absl::StrCat("confusion matrix: a row per label, a column per answer\n", Aligned(rows, 2));
}

}  // namespace metaprompt
