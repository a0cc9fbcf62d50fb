// Which texts make a task: N-way K-shot Q-query plans with random access.
#ifndef EPISODES_SAMPLER_H_
#define EPISODES_SAMPLER_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

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
  std::vector<int64_t> classes;  // [ways]
  std::vector<int64_t> answers;  // [ways]: the class whose answer words stand for the way; different, mostly its own
  std::vector<TextRef> support;  // [ways * shots], way by way
  std::vector<TextRef> query;    // [ways * queries], way by way; none is in support
};

struct EpisodeShape {
  int64_t ways = 5;
  int64_t shots = 1;
  int64_t queries = 15;
  double borrowed_answers = 0;  // share of the episodes whose answers are those of random classes
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

  // Costs O(classes + ways (shots + queries)) time.
  EpisodePlan Plan(int64_t index) const;

  const EpisodeShape& shape() const { return shape_; }

 private:
  EpisodeSampler() = default;

  std::vector<ClassSize> classes_;
  EpisodeShape shape_;
  uint64_t seed_ = 0;
  std::string purpose_;
};

}  // namespace metaprompt

#endif  // EPISODES_SAMPLER_H_
