// A spec's episodes, for people to look at and for others to meet too.
#ifndef EXPERIMENTS_COMMANDS_SHOW_EPISODES_H_
#define EXPERIMENTS_COMMANDS_SHOW_EPISODES_H_

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "experiments/experiment.pb.h"

namespace metaprompt {

struct EpisodesOptions {
  std::string split = "test";
  int64_t index = 0;
  int shots = 0;     // 0: the spec's first; saved, all of the spec's
  std::string save;  // file to write
  int count = 0;     // how many to save; 0: the spec's test.episodes
};

// One episode: a line of head, and a line a text with its place in its class.
absl::StatusOr<std::string> EpisodeText(const ExperimentSpec& spec, const EpisodesOptions& options);

// Writes episodes 0, 1, ... to options.save: see episodes/manifest.h. Returns a line that says what was written. The
// training split's are those of classes alone, so the spec may not have word tasks or borrowed answers.
absl::StatusOr<std::string> SaveEpisodes(const ExperimentSpec& spec, const EpisodesOptions& options);

}  // namespace metaprompt

#endif  // EXPERIMENTS_COMMANDS_SHOW_EPISODES_H_
