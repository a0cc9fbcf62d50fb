// A confusion matrix, and the scores of each class that follow from it.
#ifndef EXPERIMENTS_CONFUSION_H_
#define EXPERIMENTS_CONFUSION_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace metaprompt {

struct Confusion {
  std::vector<std::string> labels;
  std::vector<std::vector<int64_t>> counts;  // [label][answer]: texts of the label that got the answer

  explicit Confusion(std::vector<std::string> of_labels)
      : labels(std::move(of_labels)), counts(labels.size(), std::vector<int64_t>(labels.size(), 0)) {}
};

// Shares are in [0, 1], and unset where there is nothing to count.
struct ClassScore {
  int64_t texts = 0;    // of the class
  int64_t answers = 0;  // how often the class was the answer
  int64_t right = 0;
  std::optional<double> precision;  // right / answers
  std::optional<double> recall;     // right / texts: the class's accuracy
  std::optional<double> f1;         // their harmonic mean; an unset one counts as 0, unless both are unset
};

ClassScore ScoreOf(const Confusion& confusion, size_t label);
int64_t TextsOf(const Confusion& confusion);
int64_t RightOf(const Confusion& confusion);
// The mean of the classes' F1, over those that have texts or answers.
double MacroF1(const Confusion& confusion);

// A share in percent, such as "71.2"; empty if it is unset.
std::string PercentOf(std::optional<double> share);

// The most frequent wrong answer for texts of the class, the first one of a tie; nothing if all answers are right.
std::optional<size_t> MostFrequentMistake(const Confusion& confusion, size_t label);

// One line per class: the number of texts, the number of right answers, precision, recall and F1 in percent, and the
// most frequent wrong answer.
std::string ClassTable(const Confusion& confusion);

// The counts: a row per true class and a column per answer, numbered like the rows. With more than 20 classes, the 20
// most frequent mistakes instead.
std::string ConfusionTable(const Confusion& confusion);

}  // namespace metaprompt

#endif  // EXPERIMENTS_CONFUSION_H_
