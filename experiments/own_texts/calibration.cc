#include "experiments/own_texts/calibration.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>
#include <iterator>
#include <map>
#include <set>
#include <string>
#include <utility>

#include "experiments/own_texts/classifier.h"
#include "metaprompt/base/status_macros.h"

namespace metaprompt {
namespace {

// The index of each text among the different texts of its class. `count` becomes the number of different texts.
std::vector<size_t> PlacesOf(const std::vector<std::string>& texts, size_t* count) {
  std::map<std::string, size_t> places;
  std::vector<size_t> place_of;
  for (const std::string& text : texts) {
    place_of.push_back(places.try_emplace(text, places.size()).first->second);
  }
  *count = places.size();
  return place_of;
}

}  // namespace

CalibrationRound RoundOf(const std::vector<SupportClass>& classes, size_t round) {
  CalibrationRound one;
  for (size_t c = 0; c < classes.size(); ++c) {
    const std::vector<std::string>& texts = classes[c].texts;
    size_t different = 0;
    const std::vector<size_t> places = PlacesOf(texts, &different);
    one.kept.push_back(SupportClass{classes[c].label, classes[c].name, {}});
    for (size_t i = 0; i < texts.size(); ++i) {
      if (different > 1 && places[i] % kCalibrationRounds == round) {
        one.left_out.push_back(texts[i]);
        one.labels.push_back(static_cast<int64_t>(c));
      } else {
        one.kept[c].texts.push_back(texts[i]);
      }
    }
  }
  // A left-out text is not adapted to under another label either, unless a class would be empty without it.
  const std::set<std::string> left_out(one.left_out.begin(), one.left_out.end());
  for (SupportClass& kept : one.kept) {
    std::vector<std::string> others;
    std::copy_if(kept.texts.begin(), kept.texts.end(), std::back_inserter(others),
                 [&](const std::string& text) { return left_out.count(text) == 0; });
    if (!others.empty()) {
      kept.texts = std::move(others);
    }
  }
  return one;
}

double BestTemperature(const at::Tensor& scores, const std::vector<int64_t>& labels) {
  const auto count = static_cast<double>(labels.size());
  const at::Tensor z = scores.to(at::kDouble);
  const double right = (count + 1) / (count + 2);
  at::Tensor targets = at::full_like(z, (1 - right) / static_cast<double>(z.size(1) - 1));
  targets.scatter_(1, at::tensor(at::ArrayRef<int64_t>(labels), at::kLong).unsqueeze(1), right);
  // The cross-entropy is convex in 1 / T, with the derivative Σ (expected score - target's score).
  const auto slope = [&](double temperature) {
    return ((at::softmax(z / temperature, -1) - targets) * z).sum().item<double>();
  };
  double low = std::log(kColdest);
  double high = std::log(kHottest);
  for (int i = 0; i < 60; ++i) {
    const double middle = (low + high) / 2;
    (slope(std::exp(middle)) > 0 ? low : high) = middle;  // too confident: a higher temperature is needed
  }
  return std::exp((low + high) / 2);
}

absl::StatusOr<std::optional<Calibration>> LeaveOneOut(const ClassifierStart& start,
                                                       const std::vector<SupportClass>& classes, at::Device device,
                                                       TaskPool* pool) {
  size_t most = 0;
  for (const SupportClass& one : classes) {
    most = std::max(most, one.texts.size());
  }
  Calibration calibration;
  std::vector<at::Tensor> scores;
  std::vector<int64_t> labels;
  for (size_t r = 0; r < std::min(most, kCalibrationRounds); ++r) {
    const CalibrationRound round = RoundOf(classes, r);
    if (round.left_out.empty()) {
      continue;
    }
    ASSIGN_OR_RETURN(Classifier classifier, Classifier::Adapt(&start.run, start.params, round.kept, device, pool));
    const absl::StatusOr<at::Tensor> probabilities = classifier.Probabilities(round.left_out);
    RETURN_IF_ERROR(probabilities);
    scores.push_back(probabilities->clamp_min(1e-37).log());
    labels.insert(labels.end(), round.labels.begin(), round.labels.end());
  }
  if (labels.empty()) {
    return std::optional<Calibration>();
  }
  const at::Tensor all = at::cat(scores);
  calibration.temperature = BestTemperature(all, labels);
  calibration.right = all.argmax(1).eq(at::tensor(at::ArrayRef<int64_t>(labels), at::kLong)).sum().item<int64_t>();
  calibration.texts = static_cast<int64_t>(labels.size());
  return std::optional<Calibration>(calibration);
}

}  // namespace metaprompt
