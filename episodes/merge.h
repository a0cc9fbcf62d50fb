// Several tasks as one, for learners that compute them together.
#ifndef EPISODES_MERGE_H_
#define EPISODES_MERGE_H_

#include <vector>

#include "episodes/episode.h"

namespace metaprompt {

// The tasks' episodes as one whose batches hold M tasks (see Batch), in the tasks' order: as many texts, labels and
// ways in each; its rows are all of theirs. Every text has all soft vectors of the template, as PromptedSplit makes
// them. The plan is the first task's. One episode is itself.
Episode MergeEpisodes(std::vector<Episode> episodes);

}  // namespace metaprompt

#endif  // EPISODES_MERGE_H_
