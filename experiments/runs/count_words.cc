#include "experiments/runs/count_words.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <set>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "experiments/runs/words.h"

namespace metaprompt {

WordCounts::WordCounts(const Dataset& dataset) {
  std::vector<int64_t> texts_with;
  int64_t texts = 0;
  for (const TextClass* const one : dataset.Of(Split::kTrain)) {
    for (const std::string& text : one->texts) {
      ++texts;
      const std::vector<std::string> words = WordsOf(text);
      for (const std::string& word : std::set<std::string>(words.begin(), words.end())) {
        const auto number = static_cast<size_t>(NumberOf(word));
        texts_with.resize(std::max(texts_with.size(), number + 1));
        ++texts_with[number];
      }
    }
  }
  const auto weight = [&](int64_t with) {
    return std::log((1.0 + static_cast<double>(texts)) / (1.0 + static_cast<double>(with))) + 1;
  };
  for (const int64_t with : texts_with) {
    weights_.push_back(weight(with));
  }
  unseen_ = weight(0);
}

int64_t WordCounts::NumberOf(const std::string& word) {
  return numbers_.emplace(word, static_cast<int64_t>(numbers_.size())).first->second;
}

WordCounts::Vector WordCounts::VectorOf(absl::string_view text) {
  std::map<int64_t, double> counts;
  for (const std::string& word : WordsOf(text)) {
    ++counts[NumberOf(word)];
  }
  Vector vector(counts.begin(), counts.end());
  double squares = 0;
  for (auto& [number, value] : vector) {
    value *= static_cast<size_t>(number) < weights_.size() ? weights_[static_cast<size_t>(number)] : unseen_;
    squares += value * value;
  }
  for (auto& [number, value] : vector) {
    value /= std::sqrt(squares);
  }
  return vector;
}

absl::StatusOr<EpisodeLines> WordCounts::Test(absl::Span<const TextClass* const> classes, const PlanOf& plan,
                                              int64_t count, const std::atomic<bool>& stop) {
  std::map<std::pair<int64_t, int64_t>, Vector> known;
  const auto vector_of = [&](const TextRef& ref) -> const Vector& {
    Vector& vector = known[{ref.of_class, ref.text}];
    if (vector.empty()) {
      vector = VectorOf(classes[static_cast<size_t>(ref.of_class)]->texts[static_cast<size_t>(ref.text)]);
    }
    return vector;
  };
  EpisodeLines lines;
  for (int64_t i = 0; i < count; ++i) {
    if (stop.load()) {
      return absl::CancelledError("stopped while words were counted; the same command continues from there");
    }
    const EpisodePlan episode = plan(i);
    const size_t ways = episode.classes.size();
    const size_t shots = episode.support.size() / ways;
    std::vector<std::map<int64_t, double>> centroids(ways);
    std::vector<double> lengths(ways);
    for (size_t way = 0; way < ways; ++way) {
      for (size_t k = 0; k < shots; ++k) {
        for (const auto& [number, value] : vector_of(episode.support[way * shots + k])) {
          centroids[way][number] += value;
        }
      }
      for (const auto& [number, value] : centroids[way]) {
        lengths[way] += value * value;
      }
      lengths[way] = lengths[way] > 0 ? std::sqrt(lengths[way]) : 1;
    }
    int64_t right = 0;
    std::string predictions;
    for (size_t q = 0; q < episode.query.size(); ++q) {
      size_t best = 0;
      double best_score = -1;
      for (size_t way = 0; way < ways; ++way) {
        double score = 0;
        for (const auto& [number, value] : vector_of(episode.query[q])) {
          const auto found = centroids[way].find(number);
          score += found == centroids[way].end() ? 0 : value * found->second / lengths[way];
        }
        if (score > best_score) {
          best_score = score;
          best = way;
        }
      }
      right += best == q / (episode.query.size() / ways) ? 1 : 0;
      absl::StrAppend(&predictions, q == 0 ? "" : " ", best);
    }
    lines.accuracies.push_back(static_cast<double>(right) / static_cast<double>(episode.query.size()));
    absl::StrAppendFormat(&lines.text, "%.17g\t%s\n", lines.accuracies.back(), predictions);
  }
  return lines;
}

}  // namespace metaprompt
