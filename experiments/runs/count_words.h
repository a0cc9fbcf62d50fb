// A baseline that only counts words: the nearest centroid of TF-IDF vectors, on the episodes of a run. A model that is
// not better has learned nothing useful.
#ifndef EXPERIMENTS_RUNS_COUNT_WORDS_H_
#define EXPERIMENTS_RUNS_COUNT_WORDS_H_

#include <atomic>
#include <cstdint>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "datasets/dataset.h"
#include "episodes/sampler.h"
#include "experiments/runs/evaluate.h"

namespace metaprompt {

// Words are runs of letters and digits in lower case (Unicode). The weight of a word is its count times
// ln((1 + n) / (1 + m)) + 1, where m of the n texts of the training classes contain the word (Salton and Buckley 1988,
// with the smoothing of scikit-learn). A text's vector has length 1. A class's centroid is the mean of the vectors of
// its support texts. The answer is the class whose centroid has the largest cosine, or the first of several such
// classes.
class WordCounts {
 public:
  // Counts the training texts of `dataset`. Takes about a second per 100 MB.
  explicit WordCounts(const Dataset& dataset);

  // Tests on the episodes 0 ... count - 1 of `plan`, whose class indices refer to `classes`. The texts must not be
  // sealed. Cancelled: `stop` was set.
  absl::StatusOr<EpisodeLines> Test(absl::Span<const TextClass* const> classes, const PlanOf& plan, int64_t count,
                                    const std::atomic<bool>& stop);

 private:
  using Vector = std::vector<std::pair<int64_t, double>>;  // pairs of a word's number, ascending, and its weight

  int64_t NumberOf(const std::string& word);
  Vector VectorOf(absl::string_view text);

  std::unordered_map<std::string, int64_t> numbers_;
  std::vector<double> weights_;  // by number
  double unseen_ = 1;            // the weight of a word that no training text has
};

}  // namespace metaprompt

#endif  // EXPERIMENTS_RUNS_COUNT_WORDS_H_
