// What counting words alone achieves on the episodes of a run: the nearest centroid of TF-IDF vectors. A model that is
// not better has learned nothing that helps.
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
// ln((1 + n) / (1 + m)) + 1, where m of the n texts of the training classes have the word (Salton and Buckley 1988,
// with the smoothing of scikit-learn). A text's vector has length 1, a class's centroid is the mean of its support
// texts' vectors, and the class whose centroid has the largest cosine is the answer; of equal ones the first.
class WordCounts {
 public:
  // Counts the training texts of `dataset`. Takes about a second per 100 MB.
  explicit WordCounts(const Dataset& dataset);

  // The episodes 0 ... count - 1 of `plan`, whose classes are those of `classes`. The texts must be open. Cancelled:
  // `stop` was set.
  absl::StatusOr<EpisodeLines> Test(absl::Span<const TextClass* const> classes, const PlanOf& plan, int64_t count,
                                    const std::atomic<bool>& stop);

 private:
  using Vector = std::vector<std::pair<int64_t, double>>;  // word numbers, ascending, and weights

  int64_t NumberOf(const std::string& word);
  Vector VectorOf(absl::string_view text);

  std::unordered_map<std::string, int64_t> numbers_;
  std::vector<double> weights_;  // by number
  double unseen_ = 1;            // the weight of a word that no training text has
};

}  // namespace metaprompt

#endif  // EXPERIMENTS_RUNS_COUNT_WORDS_H_
