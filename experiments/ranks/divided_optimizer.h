// DividedOptimizer: rank 0's side of an optimizer whose moments the processes of a run have divided among themselves.
// The other side is in owned_moments.h.
#ifndef EXPERIMENTS_RANKS_DIVIDED_OPTIMIZER_H_
#define EXPERIMENTS_RANKS_DIVIDED_OPTIMIZER_H_

#include <ATen/core/Tensor.h>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "experiments/ranks/link.h"
#include "learners/inner/moment_owners.h"
#include "metaprompt/model/params.h"

namespace metaprompt {

// For each rank and parameter, whether the rank needs a new value before it uses the parameter.
using StaleTable = std::vector<std::vector<bool>>;

// Stage 1 of ZeRO (Rajbhandari et al. 2020, section 5.1), with whole parameters. A parameter gets its owner in the
// update that brings its first gradient, or in Divide, so those that are not learned have none. The owner is the rank
// whose parameters have the fewest numbers so far, and of several such ranks the last one, because rank 0 needs most
// memory. Parameters that get their owners together get them from the largest to the smallest. Gradient descent has no
// moments, so rank 0 makes its updates alone.
class DividedOptimizer : public MomentOwners {
 public:
  // What the object uses of others, which must outlive it.
  struct Parts {
    std::vector<ParamInfo> infos;
    int ranks = 1;  // rank 0 included
    at::Device device = at::kCPU;
    Link* link = nullptr;
    // Update sends an owner its parameter only if it is stale there, and then it is not. A parameter that was updated
    // becomes stale in all other ranks, which is left to the caller.
    StaleTable* stale = nullptr;
    double* seconds = nullptr;  // grows by the time of all calls, without that of rank 0's own updates
    // Called if the communication with a rank fails. Returns the error that the caller gets.
    std::function<absl::Status(int rank, const absl::Status& why)> lost;
  };

  explicit DividedOptimizer(Parts parts) : parts_(std::move(parts)) {}

  // Sends each owner the moments of its parameters, and takes these out of *state. A parameter has both moments or
  // none. The owners drop what they held before.
  absl::Status Divide(AdamWState* state);

  // The owner of a parameter; -1: it has no moments yet.
  int Owner(size_t i) const { return owners_[i]; }

  absl::Status Update(const AdamWNumbers& numbers, const ParamList& grads, ParamList* params,
                      AdamWState* state) override;
  bool HeldElsewhere(size_t i) const override { return owners_[i] > 0; }
  absl::StatusOr<NextMoment> Moments() override;

 private:
  // Gives each of these parameters an owner.
  void Assign(std::vector<size_t> which);
  // Those of `tensors` that are defined and belong to a rank; the others are undefined.
  ParamList Of(int rank, const ParamList& tensors) const;
  absl::Status SendUpdate(int rank, const AdamWNumbers& numbers, const ParamList& grads, const ParamList& params);
  absl::Status ReceiveUpdate(int rank, ParamList* params);

  const Parts parts_;
  std::vector<int> owners_;       // of each parameter
  std::vector<int64_t> numbers_;  // of the parameters of each rank
  bool whole_ = true;             // no update has failed
};

}  // namespace metaprompt

#endif  // EXPERIMENTS_RANKS_DIVIDED_OPTIMIZER_H_
