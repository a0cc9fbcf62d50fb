// Finds the step at which an adaptation first gives numbers that are not finite.
#ifndef EXPERIMENTS_WORKBENCH_DIVERGENCE_H_
#define EXPERIMENTS_WORKBENCH_DIVERGENCE_H_

#include "absl/status/status.h"
#include "learners/learner.pb.h"
#include "metaprompt/model/batch.h"
#include "metaprompt/model/model.h"
#include "metaprompt/model/params.h"

namespace metaprompt {

// The error for a learner whose adapted parameters, or whose logits of `support`, are not finite. It names the first
// thing that is not finite: a meta-parameter, the logits before any step, or the result of the steps, with the step
// sizes. If the last steps can be left out without changing the earlier ones (no schedule, no epochs), it repeats the
// adaptation with fewer steps and names the step. `meta`: local parameters, in the order of MetaInfos.
absl::Status Divergence(const LearnerSpec& spec, const Model& model, const ParamList& meta, const Batch& support);

}  // namespace metaprompt

#endif  // EXPERIMENTS_WORKBENCH_DIVERGENCE_H_
