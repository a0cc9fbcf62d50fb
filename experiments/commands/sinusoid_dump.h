// Writes exact meta-gradients of the sinusoid network to a file, so that other implementations can be compared with
// them, as tests/reference/compare_meta_gradients.py does.
#ifndef EXPERIMENTS_COMMANDS_SINUSOID_DUMP_H_
#define EXPERIMENTS_COMMANDS_SINUSOID_DUMP_H_

#include <cstdint>
#include <string>

#include "absl/status/status.h"

namespace metaprompt {

// Writes a safetensors file with `param.NAME`, `support.x`, `support.y`, `query.x` and `query.y` [tasks, points], and
// `gradient.K.NAME` [tasks, ...], the meta-gradient of each task after K inner steps of MAML. All are float64. The
// metadata are `inner_lr`; `threads`; and `seconds.K`, the shortest measured time for one meta-gradient of one task in
// float32.
absl::Status DumpMetaGradients(uint64_t seed, int threads, const std::string& path);

}  // namespace metaprompt

#endif  // EXPERIMENTS_COMMANDS_SINUSOID_DUMP_H_
