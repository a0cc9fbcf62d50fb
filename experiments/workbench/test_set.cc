#include "experiments/workbench/test_set.h"

#include <cstddef>

#include "metaprompt/base/files.h"
#include "metaprompt/base/hash.h"
#include "metaprompt/base/status_macros.h"

namespace metaprompt {

absl::StatusOr<TestSet> TestSet::Open(const ExperimentSpec& spec, RunData* data) {
  TestSet set(data);
  if (const std::string& path = spec.test().manifest(); !path.empty()) {
    ASSIGN_OR_RETURN(const std::string text, ReadFile(path));
    ManifestNeeds needs;
    needs.split = SplitName(Split::kTest);
    needs.ways = spec.episodes().ways();
    needs.queries = spec.episodes().queries();
    needs.shots.assign(spec.episodes().shots().begin(), spec.episodes().shots().end());
    needs.episodes = spec.test().episodes();
    ASSIGN_OR_RETURN(set.manifest_, ParseManifest(text, path, needs, data->dataset().Of(Split::kTest)));
    set.manifest_sha256_ = Sha256(text);
  }
  set.SetOpen(false);
  return set;
}

void TestSet::SetOpen(bool open) {
  open_ = open;
  data_->dataset_.SetSealed(Split::kTest, !open);
}

std::function<EpisodePlan(int64_t)> TestSet::Plans(int shots) const {
  if (!manifest_sha256_.empty()) {
    return [this, shots](int64_t index) { return manifest_.episodes.at(shots).at(static_cast<size_t>(index)); };
  }
  return [sampler = *data_->Sampler(Split::kTest, shots)](int64_t index) { return sampler.Plan(index); };
}

}  // namespace metaprompt
