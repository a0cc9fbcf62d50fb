#ifndef EPISODES_MERGE_H_
#define EPISODES_MERGE_H_
#include <vector>
#include "episodes/episode.h"
namespace metaprompt {
Episode MergeEpisodes(std::vector<Episode> episodes);
}
#endif
