// OwnedMoments: the part of a divided optimizer that a rank other than 0 has. Rank 0's side is in divided_optimizer.h.
#ifndef EXPERIMENTS_RANKS_OWNED_MOMENTS_H_
#define EXPERIMENTS_RANKS_OWNED_MOMENTS_H_

#include <ATen/core/Tensor.h>

#include <vector>

#include "absl/status/status.h"
#include "experiments/ranks/link.h"
#include "experiments/ranks/ranks.pb.h"
#include "learners/inner/adamw.h"
#include "metaprompt/model/params.h"

namespace metaprompt {

class OwnedMoments {
 public:
  // `infos`: all parameters of the run, also those that this rank does not own. The moments are in the memory of
  // `device`. The link must outlive the object.
  OwnedMoments(std::vector<ParamInfo> infos, at::Device device, Link* link);

  // Updates the parameters of which rank 0 sends gradients, and sends it their new values. `params`: the parameters of
  // this rank, of which those get values that rank 0 sends, and the new ones. The error is one of the connection; rank
  // 0 gets any other.
  absl::Status Update(const UpdateRequest& request, ParamList* params);

  // Receives or sends moments: see MomentsRequest.
  absl::Status Exchange(const MomentsRequest& request);

  // The moments that this rank holds; those of parameters that it does not own are undefined.
  const AdamWState& state() const { return state_; }

 private:
  const std::vector<ParamInfo> infos_;
  const at::Device device_;
  Link* const link_;
  AdamWState state_;  // its step counts the updates of this object, and is not used
};

}  // namespace metaprompt

#endif  // EXPERIMENTS_RANKS_OWNED_MOMENTS_H_
