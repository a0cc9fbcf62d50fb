// Calibrates probabilities with a temperature that is fitted to examples the model was not adapted to.
#ifndef EXPERIMENTS_OWN_TEXTS_CALIBRATION_H_
#define EXPERIMENTS_OWN_TEXTS_CALIBRATION_H_

#include <ATen/core/Tensor.h>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "experiments/own_texts/classifier_start.h"
#include "experiments/own_texts/support_classes.h"
#include "learners/inner/task_pool.h"

namespace metaprompt {

// The range of temperatures.
constexpr double kColdest = 0.01;
constexpr double kHottest = 100;

constexpr size_t kCalibrationRounds = 5;

// The examples of one round: those to adapt to, and the left-out ones with their classes.
struct CalibrationRound {
  std::vector<SupportClass> kept;
  std::vector<std::string> left_out;
  std::vector<int64_t> labels;
};

// Round `round` of kCalibrationRounds: leaves out every fifth different text of each class, from number `round` on. A
// text that is left out is not kept in another class either, unless that class would be empty.
CalibrationRound RoundOf(const std::vector<SupportClass>& classes, size_t round);

struct Calibration {
  double temperature = 1;
  int64_t right = 0;  // how many of the left-out examples the model labelled correctly
  int64_t texts = 0;  // how many examples were left out
};

// In each round, leaves out one text of each class, with its copies in all classes, adapts to the others, and labels
// those that were left out; then returns their BestTemperature. A class whose texts are all equal keeps them. If a
// class has more than five different texts, each of five rounds leaves out a fifth of them. Returns nothing if each
// class has only one text or copies of one. Takes one adaptation per round.
absl::StatusOr<std::optional<Calibration>> LeaveOneOut(const ClassifierStart& start,
                                                       const std::vector<SupportClass>& classes, at::Device device,
                                                       TaskPool* pool);

// The T for which softmax(scores / T) has the smallest cross-entropy (Guo et al. 2017). `scores` [N, C] are logits or
// log-probabilities, `labels` [N] int64. The target of the right class is (N + 1) / (N + 2) instead of 1, as in Platt
// 1999, so that T stays above 0 if all N are right. T is in [kColdest, kHottest].
double BestTemperature(const at::Tensor& scores, const std::vector<int64_t>& labels);

}  // namespace metaprompt

#endif  // EXPERIMENTS_OWN_TEXTS_CALIBRATION_H_
