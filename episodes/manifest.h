// Episodes frozen in a file, so that two methods, or two programs, meet the same tasks.
//
// Lines of tab-separated columns; lines that begin with # are for people. First, in this order,
//   metaprompt-episodes 1
//   dataset NAME SHA256      what `metaprompt datasets export` gives, and its hash
//   split   train|valid|test
//   seed    S                that drew them; for people
//   ways    N
//   queries Q
// and then a line an episode,
//   episode K I ( LABEL  NUMBER:HASH ... (K of them)  NUMBER:HASH ... (Q of them) ) for each of the N ways
// K the shots, I counting from 0 for each K. A way has three columns: its class's label, its support texts and its
// query texts, a blank between two texts. NUMBER is a text's place in its class, from 0, in the order of `datasets
// export`, and HASH the first 16 hexadecimal digits of the SHA-256 of label, tab, text.
#ifndef EPISODES_MANIFEST_H_
#define EPISODES_MANIFEST_H_

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "datasets/dataset.h"
#include "episodes/sampler.h"

namespace metaprompt {

struct EpisodeManifest {
  std::string dataset;
  std::string content_sha256;
  std::string split;
  uint64_t seed = 0;
  int64_t ways = 0;
  int64_t queries = 0;
  std::map<int64_t, std::vector<EpisodePlan>> episodes;  // by shots; episode i at place i
};

// What `classes` are to the plans: those of the manifest's split, in the dataset's order.
std::string ManifestText(const EpisodeManifest& manifest, const std::vector<const TextClass*>& classes);

// What episodes are wanted for.
struct ManifestNeeds {
  std::string split;
  int64_t ways = 0;
  int64_t queries = 0;
  std::vector<int64_t> shots;
  int64_t episodes = 0;  // of each of the shots, at least
};

// Reads a manifest and holds it against the data and what is wanted: every class must be one of `classes`, those of the
// split, and every text there with its hash. The data as a whole may be another than the manifest's: what counts is
// that its texts are there. The error names file and line.
absl::StatusOr<EpisodeManifest> ParseManifest(absl::string_view text, absl::string_view name,
                                              const ManifestNeeds& needs, const std::vector<const TextClass*>& classes);

}  // namespace metaprompt

#endif  // EPISODES_MANIFEST_H_
