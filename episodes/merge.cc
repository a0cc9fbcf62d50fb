#include "episodes/merge.h"
namespace metaprompt { Episode MergeEpisodes(std::vector<Episode> episodes) { return episodes[0]; } }
