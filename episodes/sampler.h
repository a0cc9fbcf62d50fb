// Draws episodes: N-way K-shot tasks with Q query texts per way. The sampler draws an episode as a plan, a list of its
// classes and texts by their indices. A TaskSource makes tensors from plans.
#ifndef EPISODES_SAMPLER_H_
#define EPISODES_SAMPLER_H_

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "metaprompt/base/random.h"

namespace metaprompt {

// A text, identified by the index of its class and its index within that class. In a word task, the class is a word. If
// the data are images, an image counts as a text.
struct TextRef {
  int64_t of_class = 0;
  int64_t text = 0;

  bool operator==(const TextRef& other) const { return of_class == other.of_class && text == other.text; }
};

// The plan of one task. Way w of the task is class classes[w]. The order of the classes is random, so the label w
// carries no information.
struct EpisodePlan {
  int64_t index = 0;
  std::vector<int64_t> classes;   // [ways]
  bool word_task = false;         // whether the classes are words (EpisodeSampler::WithWordTasks)
  bool borrowed_answers = false;  // whether random word pieces replace the answer words of the classes
  uint64_t answer_seed = 0;       // for all that a TaskSource draws when it builds the task, such as answer words
  std::vector<TextRef> support;   // [ways * shots], ordered by way
  std::vector<TextRef> query;     // [ways * queries], ordered by way; disjoint from `support`
};

struct EpisodeShape {
  int64_t ways = 5;
  int64_t shots = 1;            // support texts per way
  int64_t queries = 15;         // query texts per way
  double borrowed_answers = 0;  // probability that an episode has random answer words, in [0, 1]
};

// The size of a class.
struct ClassSize {
  std::string label;
  int64_t texts = 0;  // number of texts
  // The texts of this class that also occur in other classes, as a map from a text's index in this class to an id. The
  // same text has the same id in all its classes. No plan has such a text both in the support set, under one class, and
  // in the query set, under another.
  std::map<int64_t, int64_t> shared = {};
};

// Draws plans. A plan is a pure function of the sampler's arguments and the plan's index: it is the same in any order
// of calls, in any process and on any machine.
class EpisodeSampler {
 public:
  // `purpose` ("train", "valid" or "test") separates the random streams of the splits. It is an error if there are
  // fewer classes than ways, or if a class has fewer than shots + queries texts that occur in no other class. The
  // latter error names the classes.
  static absl::StatusOr<EpisodeSampler> Create(std::vector<ClassSize> classes, const EpisodeShape& shape, uint64_t seed,
                                               absl::string_view purpose);

  // Returns a copy of this sampler in which each episode is a word task with probability `share`, in [0, 1]. In a word
  // task the classes are words, and all texts of a class contain its word (Bansal et al. 2020, "Self-supervised
  // meta-learning for few-shot natural language classification"). classes[w] is then the index of a word, and this word
  // is also the answer word of way w. Word i has word_texts[i] texts. Words with fewer than shots + queries texts are
  // never drawn. It is an error if share > 0 and fewer than `ways` words have enough texts.
  // `word_shared` is empty or has one map per word, like ClassSize::shared. It contains the texts that the data have
  // under several labels, and that a word may therefore have more than once.
  absl::StatusOr<EpisodeSampler> WithWordTasks(double share, const std::vector<int64_t>& word_texts,
                                               const std::vector<std::map<int64_t, int64_t>>& word_shared = {}) const;

  // The plan with index `index`. Takes O(ways · (shots + queries)) time.
  EpisodePlan Plan(int64_t index) const;

  // The plans with indices first, ..., first + count - 1.
  std::vector<EpisodePlan> Plans(int64_t first, int64_t count) const;

  const EpisodeShape& shape() const { return shape_; }

 private:
  EpisodeSampler() = default;

  // Draws the texts of plan->classes and appends them to the plan's support and query sets. Class c has pool[c] texts.
  void Deal(const std::vector<int64_t>& pool, Random* random, EpisodePlan* plan) const;

  // Replaces each query text that is also in the support set (as the same text under another label) by a text of its
  // class that has only one label. A word without enough such texts keeps its query text. Class (or word) c has pool[c]
  // texts, and shared[c] are those with several labels. The random numbers come from a separate stream, and are drawn
  // only for such query texts.
  void KeepApart(const std::vector<int64_t>& pool, const std::vector<std::map<int64_t, int64_t>>& shared,
                 EpisodePlan* plan) const;

  std::vector<int64_t> class_texts_;                // number of texts of each class
  std::vector<std::map<int64_t, int64_t>> shared_;  // ClassSize::shared of each class; empty: no class shares a text
  std::vector<int64_t> word_texts_;                 // number of texts of each word
  std::vector<std::map<int64_t, int64_t>> word_shared_;  // the same for each word
  std::vector<int64_t> words_;                           // indices of the words with enough texts
  double word_share_ = 0;                                // probability of a word task
  EpisodeShape shape_;
  uint64_t seed_ = 0;
  std::string purpose_;
};

}  // namespace metaprompt

#endif  // EPISODES_SAMPLER_H_
