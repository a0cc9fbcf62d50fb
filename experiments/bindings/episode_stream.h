// The episodes of a spec, as texts.
#ifndef EXPERIMENTS_BINDINGS_EPISODE_STREAM_H_
#define EXPERIMENTS_BINDINGS_EPISODE_STREAM_H_

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "datasets/dataset.h"
#include "datasets/split.h"
#include "episodes/sampler.h"
#include "experiments/experiment.pb.h"

namespace metaprompt {

struct EpisodeTexts {
  std::vector<std::string> classes;     // [ways] labels
  std::vector<std::string> names;       // [ways] what a verbalizer reads
  std::vector<std::string> text_names;  // of the texts of an example
  // The texts of each example, way by way.
  std::vector<std::vector<std::string>> support;  // [ways * shots]
  std::vector<std::vector<std::string>> query;    // [ways * queries]
  std::vector<int64_t> support_numbers;           // [ways * shots] index of each text in its class
  std::vector<int64_t> query_numbers;             // [ways * queries]
};

// The episodes that a run of the spec draws from a split with its seed, without word tasks, because these have no
// classes.
class EpisodeStream {
 public:
  // `split`: train, valid or test. `shots`: 0 for the spec's first number. Reads the data.
  static absl::StatusOr<std::unique_ptr<EpisodeStream>> Open(const ExperimentSpec& spec, const std::string& split,
                                                             int shots);

  // index >= 0; in any order.
  EpisodeTexts At(int64_t index) const;

 private:
  EpisodeStream(Dataset dataset, Split split, EpisodeSampler sampler);

  Dataset dataset_;
  std::vector<const TextClass*> classes_;
  EpisodeSampler sampler_;
};

}  // namespace metaprompt

#endif  // EXPERIMENTS_BINDINGS_EPISODE_STREAM_H_
