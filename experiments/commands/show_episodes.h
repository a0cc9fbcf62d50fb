// The `episodes` command: shows a spec's episodes, or saves them to a file for other programs and runs.
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
  int shots = 0;     // 0: the spec's first number of shots; when saving, all of them
  std::string save;  // file to write; empty: none
  int count = 0;     // how many to save; 0: the spec's test.episodes
  std::string page;  // file to write with the images of the episode; empty: none
};

// One episode: two heading lines, then one line per text with its index in its class. Each text of a pair has its own
// column. For an image, its hash is shown.
absl::StatusOr<std::string> EpisodeText(const ExperimentSpec& spec, const EpisodesOptions& options);

// Writes one episode of images to options.page, as a web page. Returns a line that describes what was written. For
// texts it is an error.
absl::StatusOr<std::string> SaveEpisodePage(const ExperimentSpec& spec, const EpisodesOptions& options);

// Writes episodes 0, 1, ... to options.save in the format of episodes/manifest.h. Returns a line that describes what
// was written. A file can only represent tasks of classes. To save the training split, the spec must therefore have
// neither word tasks nor borrowed answers.
absl::StatusOr<std::string> SaveEpisodes(const ExperimentSpec& spec, const EpisodesOptions& options);

}  // namespace metaprompt

#endif  // EXPERIMENTS_COMMANDS_SHOW_EPISODES_H_
