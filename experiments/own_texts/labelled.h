// Measures how good a classifier's answers are on texts whose labels are known.
#ifndef EXPERIMENTS_OWN_TEXTS_LABELLED_H_
#define EXPERIMENTS_OWN_TEXTS_LABELLED_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "experiments/confusion.h"

namespace metaprompt {

class LabelledResult {
 public:
  explicit LabelledResult(std::vector<std::string> labels) : confusion_(std::move(labels)) {}

  // Adds a text of class `label` that was labelled `answer` with that probability.
  void Add(size_t label, size_t answer, double probability, const std::string& text);

  const Confusion& confusion() const { return confusion_; }

  // Accuracy with its 95 % interval (Wilson 1927), macro F1, the mean probability of the answers, a table of the
  // classes, the confusion matrix, and the ten most confident mistakes.
  std::string Text() const;
  // The same as one JSON object and a line end.
  std::string Json() const;

 private:
  struct Mistake {
    double probability = 0;
    size_t label = 0;
    size_t answer = 0;
    std::string text;
  };

  std::vector<Mistake> mistakes_;  // the ten most confident ones, the most confident first
  Confusion confusion_;
  double probabilities_ = 0;  // sum
};

}  // namespace metaprompt

#endif  // EXPERIMENTS_OWN_TEXTS_LABELLED_H_
