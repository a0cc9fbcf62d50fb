// MomentOwners: the processes of a run that have divided AdamW's moments, and with them the updates, among themselves.
#ifndef LEARNERS_INNER_MOMENT_OWNERS_H_
#define LEARNERS_INNER_MOMENT_OWNERS_H_

#include <ATen/core/Tensor.h>

#include <cstddef>
#include <functional>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "learners/inner/adamw.h"
#include "metaprompt/model/params.h"

namespace metaprompt {

// Stage 1 of ZeRO (Rajbhandari et al. 2020, section 5.1): each process owns some parameters, holds their moments and
// updates them. This process has all parameters and gradients; its AdamWState has the moments of its own parameters
// only.
class MomentOwners {
 public:
  virtual ~MomentOwners() = default;

  // Does what AdamWApply does, each parameter in its owner, and with the same bits. `params`: those of the last update.
  // Cancelled if a process is lost: then some parameters may have new values and others not, so this state is lost,
  // and Moments returns an error, too.
  virtual absl::Status Update(const AdamWNumbers& numbers, const ParamList& grads, ParamList* params,
                              AdamWState* state) = 0;

  // Whether another process holds moments of parameter i.
  virtual bool HeldElsewhere(size_t i) const = 0;

  // Each call returns one moment, on the CPU.
  using NextMoment = std::function<absl::StatusOr<at::Tensor>()>;

  // Lets the other processes send a copy of what they hold. The result returns the first moment of each parameter that
  // is held elsewhere, in the order of the parameters, and then their second moments. All must be read before the next
  // call of this object, which must outlive the result. Errors of both: Cancelled if a process is lost.
  virtual absl::StatusOr<NextMoment> Moments() = 0;
};

}  // namespace metaprompt

#endif  // LEARNERS_INNER_MOMENT_OWNERS_H_
