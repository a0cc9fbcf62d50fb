// Draws episodes: N-way K-shot tasks with Q queries per way. An episode is drawn as a plan, which names its classes and
// texts. Plans can be drawn in any order.
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

// A text, identified by the index of its class and its own index in that class.
struct TextRef {
  int64_t of_class = 0;
  int64_t text = 0;

  bool operator==(const TextRef& other) const { return of_class == other.of_class && text == other.text; }
};

// The plan of one task. Way w is class classes[w]. The order of the ways is random, so a way's number carries no
// information.
struct EpisodePlan {
  int64_t index = 0;
  std::vector<int64_t> classes;   // [ways]
  bool word_task = false;         // whether the classes are words: see EpisodeSampler::WithWordTasks
  bool borrowed_answers = false;  // whether the ways' answer words are random word pieces, drawn with answer_seed
  uint64_t answer_seed = 0;       // for everything that is drawn when a TaskSource builds the task
  std::vector<TextRef> support;   // [ways * shots], way by way
  std::vector<TextRef> query;     // [ways * queries], way by way; disjoint from support
};

struct EpisodeShape {
  int64_t ways = 5;
  int64_t shots = 1;            // support texts per way
  int64_t queries = 15;         // query texts per way
  double borrowed_answers = 0;  // fraction of the episodes with random answer words, in [0, 1]
};

// A class, as the sampler needs it.
struct ClassSize {
  std::string label;
  int64_t texts = 0;  // number of texts
  // The texts that stand in other classes too: from a text's index to a number that the same text has in every class.
  // They are not drawn into the support set of one class and the query set of another at once.
  std::map<int64_t, int64_t> shared = {};
};

// Draws plans. It has no mutable state: the same seed, purpose and index give the same plan, in any order of calls, in
// any process and on any machine.
class EpisodeSampler {
 public:
  // `purpose` ("train", "valid" or "test") keeps the random streams of the splits apart. Errors: fewer classes than
  // ways; classes with fewer than shots + queries texts, or, if they share some
  // with other classes, fewer that they do not share; the error names the classes.
  static absl::StatusOr<EpisodeSampler> Create(std::vector<ClassSize> classes, const EpisodeShape& shape, uint64_t seed,
                                               absl::string_view purpose);

  // The same sampler, but a fraction `share` of its episodes, in [0, 1], are word tasks. In a word task the classes are
  // words, and all texts of a class contain its word (Bansal et al. 2020, "Self-supervised meta-learning for few-shot
  // natural language classification"). classes[w] is then the index of a word, and this word is also the answer word of
  // way w. Word i has word_texts[i] texts. Words with fewer than shots + queries texts are left out. It is an error if
  // share > 0 and fewer words than ways are left. `word_shared`, empty or one per word: the texts that the word has
  // more than once, under several labels, as ClassSize::shared.
  absl::StatusOr<EpisodeSampler> WithWordTasks(double share, const std::vector<int64_t>& word_texts,
                                               const std::vector<std::map<int64_t, int64_t>>& word_shared = {}) const;

  // The plan with this index. Takes O(ways (shots + queries)) time.
  EpisodePlan Plan(int64_t index) const;

  // The plans with indices first, ..., first + count - 1.
  std::vector<EpisodePlan> Plans(int64_t first, int64_t count) const;

  const EpisodeShape& shape() const { return shape_; }

 private:
  EpisodeSampler() = default;

  // Draws texts for plan->classes, from pool[c] texts of class c, and adds them to the support and query sets.
  void Deal(const std::vector<int64_t>& pool, Random* random, EpisodePlan* plan) const;

  // Replaces each query text that is in the support set too, under another label, by another text of its class, if
  // there are enough. `pool` and `shared`: of each class (or word) its number of texts, and those that it shares. Draws
  // from a random stream of its own, and only where there is such a text.
  void KeepApart(const std::vector<int64_t>& pool, const std::vector<std::map<int64_t, int64_t>>& shared,
                 EpisodePlan* plan) const;

  std::vector<int64_t> class_texts_;                     // number of texts per class
  std::vector<std::map<int64_t, int64_t>> shared_;       // of each class; empty: no class shares a text
  std::vector<int64_t> word_texts_;                      // number of texts per word
  std::vector<std::map<int64_t, int64_t>> word_shared_;  // of each word, as shared_
  std::vector<int64_t> words_;                           // indices of the words with enough texts
  double word_share_ = 0;                                // fraction of the episodes that are word tasks
  EpisodeShape shape_;
  uint64_t seed_ = 0;
  std::string purpose_;
};

}  // namespace metaprompt

#endif  // EPISODES_SAMPLER_H_
