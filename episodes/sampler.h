// Which texts make a task: N-way K-shot Q-query plans with random access.
#ifndef EPISODES_SAMPLER_H_
#define EPISODES_SAMPLER_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "metaprompt/base/random.h"

namespace metaprompt {

// A text: class and place in it.
struct TextRef {
  int64_t of_class = 0;
  int64_t text = 0;

  bool operator==(const TextRef& other) const { return of_class == other.of_class && text == other.text; }
};

// One task. Way w is class classes[w]; the order of the ways is random, so that no way means anything.
struct EpisodePlan {
  int64_t index = 0;
  std::vector<int64_t> classes;   // [ways]
  bool word_task = false;         // the classes are words: see EpisodeSampler::WithWordTasks
  bool borrowed_answers = false;  // the ways' answer words are random pieces, drawn with answer_seed
  uint64_t answer_seed = 0;
  std::vector<TextRef> support;  // [ways * shots], way by way
  std::vector<TextRef> query;    // [ways * queries], way by way; none is in support
};

struct EpisodeShape {
  int64_t ways = 5;
  int64_t shots = 1;
  int64_t queries = 15;
  double borrowed_answers = 0;  // share of the episodes with random answer words
};

// What the sampler knows of a class.
struct ClassSize {
  std::string label;
  int64_t texts = 0;
};

// No mutable state: the same seed, purpose and index are the same plan, in any order, in any process, on any machine.
class EpisodeSampler {
 public:
  // `purpose` ("train", "valid", "test") keeps the streams of splits apart. Errors: fewer classes than ways; classes
  // with fewer than shots + queries texts, by name.
  static absl::StatusOr<EpisodeSampler> Create(std::vector<ClassSize> classes, const EpisodeShape& shape, uint64_t seed,
                                               absl::string_view purpose);

  // The same sampler, a share of whose episodes are tasks of another kind: tell texts apart by a word that each class's
  // texts have in common (the tasks of Bansal et al. 2020, "Self-supervised meta-learning for few-shot natural language
  // classification"). Class w of such a plan is word w, of `word_texts[w]` texts; words with fewer than shots + queries
  // are left out. A way's answer word is its word. An error if fewer words than ways remain.
  absl::StatusOr<EpisodeSampler> WithWordTasks(double share, const std::vector<int64_t>& word_texts) const;

  // Costs O(classes + ways (shots + queries)) time.
  EpisodePlan Plan(int64_t index) const;

  // Plans first, ..., first + count - 1.
  std::vector<EpisodePlan> Plans(int64_t first, int64_t count) const;

  const EpisodeShape& shape() const { return shape_; }

 private:
  EpisodeSampler() = default;

  // Deals classes and texts from a pool of class sizes.
  void Deal(const std::vector<int64_t>& pool, Random* random, EpisodePlan* plan) const;

  std::vector<int64_t> class_texts_;  // texts of each class
  std::vector<int64_t> word_texts_;   // texts of each word
  std::vector<int64_t> words_;        // those with enough texts
  double word_share_ = 0;
  EpisodeShape shape_;
  uint64_t seed_ = 0;
  std::string purpose_;
};

}  // namespace metaprompt

#endif  // EPISODES_SAMPLER_H_
