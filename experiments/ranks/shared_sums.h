// Adding gradients in a chain of ranks, so that the sums do not depend on how many ranks there are.
#ifndef EXPERIMENTS_RANKS_SHARED_SUMS_H_
#define EXPERIMENTS_RANKS_SHARED_SUMS_H_

#include <ATen/core/Tensor.h>

#include <vector>

#include "absl/status/status.h"
#include "experiments/ranks/link.h"
#include "learners/inner/gradient_block.h"
#include "metaprompt/model/params.h"

namespace metaprompt {

// An error of a chain, and the rank with which this one could not communicate.
struct ChainError {
  absl::Status status;
  int rank = 0;
};

// A rank of the chain: receives sums from the rank `from` (-1: it is the first one, and they are zero), adds the
// block's gradients to each, and sends it to the rank `to` before it receives the next one. `params`: for the type and
// device of the sums.
ChainError PassSums(const std::vector<ParamInfo>& infos, const ParamList& params, const GradientBlock& block, int from,
                    int to, Link* link);

// The end of the chain: receives the sums from its last rank. A sum that was not sent stays undefined.
absl::Status ReceiveSums(const std::vector<ParamInfo>& infos, const ParamList& params, int from, Link* link,
                         ParamList* sums);

}  // namespace metaprompt

#endif  // EXPERIMENTS_RANKS_SHARED_SUMS_H_
