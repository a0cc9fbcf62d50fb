// Episodes saved in a file, so that two methods, or two programs, are tested on the same tasks.
//
// The file has lines of tab-separated columns. Lines that begin with # are comments. The first lines are, in this
// order,
//   metaprompt-episodes 1
//   dataset NAME SHA256      the SHA-256 of what `metaprompt datasets export` writes
//   split   train|valid|test
//   seed    S                the seed that drew the episodes; only for information
//   ways    N
//   queries Q
// and then one line per episode:
//   episode K I ( LABEL  NUMBER:HASH ... (K of them)  NUMBER:HASH ... (Q of them) ) for each of the N ways
// K is the number of shots. I counts from 0 for each K. A way has three columns: the label of its class, its support
// texts and its query texts, with a blank between two texts. NUMBER is the index of a text in its class, from 0, in the
// order of `datasets export`. HASH is the first 16 hexadecimal digits of the SHA-256 of label, tab, text. A pair
// counts as one text here: its two texts with a tab between them.
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
  std::map<int64_t, std::vector<EpisodePlan>> episodes;  // by shots; episode i has index i
};

// The manifest as the text of a file. `classes` are the classes of the manifest's split, in the dataset's order: the
// plans refer to them by index.
std::string ManifestText(const EpisodeManifest& manifest, const std::vector<const TextClass*>& classes);

// What the caller needs of a manifest.
struct ManifestNeeds {
  std::string split;
  int64_t ways = 0;
  int64_t queries = 0;
  std::vector<int64_t> shots;
  int64_t episodes = 0;  // per number of shots, at least
};

// Reads a manifest and checks it against the data and against the caller's needs. Every class must be one of `classes`,
// those of the split. Every text must exist and have its hash. The rest of the data may differ from the manifest's.
// Errors name the file and, if one line is wrong, the line.
absl::StatusOr<EpisodeManifest> ParseManifest(absl::string_view text, absl::string_view name,
                                              const ManifestNeeds& needs, const std::vector<const TextClass*>& classes);

}  // namespace metaprompt

#endif  // EPISODES_MANIFEST_H_
