// Exact meta-gradients of the sinusoid network in a file, so that another implementation can be compared with them:
// tests/reference/compare_meta_gradients.py does.
#ifndef EXPERIMENTS_COMMANDS_SINUSOID_DUMP_H_
#define EXPERIMENTS_COMMANDS_SINUSOID_DUMP_H_

#include <cstdint>
#include <string>

#include "absl/status/status.h"

namespace metaprompt {

// A safetensors file with `param.NAME`, `support.x`, `support.y`, `query.x` and `query.y` [tasks, points], and
// `gradient.K.NAME` [tasks, ...], the meta-gradient of each task after K inner steps of MAML, all in float64. Metadata:
// `inner_lr`; `threads`; `seconds.K`, the shortest time that one meta-gradient of one task takes in float32.
absl::Status DumpMetaGradients(uint64_t seed, int threads, const std::string& path);

}  // namespace metaprompt

#endif  // EXPERIMENTS_COMMANDS_SINUSOID_DUMP_H_
