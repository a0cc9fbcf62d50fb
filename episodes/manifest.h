// Manifests: files with saved episodes, for testing two methods or two programs on the same tasks.
//
// A line consists of tab-separated columns. Lines that begin with # are comments. The first lines are, in this order:
//   metaprompt-episodes 1
//   dataset NAME SHA256      the SHA-256 of what `metaprompt datasets export` writes
//   split   train|valid|test
//   seed    S                the seed that drew the episodes; for information only
//   ways    N
//   queries Q
// After them there is one line per episode:
//   episode K I ( LABEL  NUMBER:HASH ... (K of them)  NUMBER:HASH ... (Q of them) ) for each of the N ways
// K is the number of shots. I counts the episodes from 0 for each K. A way has three columns: the label of its class,
// its support texts and its query texts. Blanks separate texts. NUMBER is the index of a text in its class, from 0, in
// the order of `metaprompt datasets export`. HASH is the first 16 hexadecimal digits of the SHA-256 of label, tab,
// text. A pair of texts is hashed as one text, with a tab between the two.
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
  std::map<int64_t, std::vector<EpisodePlan>> episodes;  // by number of shots; the plan at i has index i
};

// The text of the manifest's file. `classes` are the classes of the manifest's split, in the dataset's order. The plans
// refer to them by index.
std::string ManifestText(const EpisodeManifest& manifest, const std::vector<const TextClass*>& classes);

// What the caller requires of a manifest.
struct ManifestNeeds {
  std::string split;
  int64_t ways = 0;
  int64_t queries = 0;
  std::vector<int64_t> shots;
  int64_t episodes = 0;  // at least so many per number of shots
};

// Parses a manifest, and compares it with the data and with the caller's needs. Every class must be one of `classes`,
// the classes of the split. Every text must exist and have the given hash. The rest of the data may differ from the
// data of the manifest. Errors name the file (`name`) and, if one line is wrong, the line.
absl::StatusOr<EpisodeManifest> ParseManifest(absl::string_view text, absl::string_view name,
                                              const ManifestNeeds& needs, const std::vector<const TextClass*>& classes);

}  // namespace metaprompt

#endif  // EPISODES_MANIFEST_H_
