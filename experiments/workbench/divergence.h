// Since when an adaptation gives numbers that are not finite.
#ifndef EXPERIMENTS_WORKBENCH_DIVERGENCE_H_
#define EXPERIMENTS_WORKBENCH_DIVERGENCE_H_

#include "absl/status/status.h"
#include "learners/learner.pb.h"
#include "metaprompt/model/batch.h"
#include "metaprompt/model/model.h"
#include "metaprompt/model/params.h"

namespace metaprompt {

// The error for a learner that makes logits of `support` that are not finite, or whose adapted parameters are not. It
// names the first that is not finite: a meta-parameter, before any step, or what the steps made of them, with the step
// sizes. Where steps can be left out without a change of those before (no schedule, no epochs), it repeats the
// adaptation with fewer steps and names the step. `meta`: local parameters, of MetaInfos.
absl::Status Divergence(const LearnerSpec& spec, const Model& model, const ParamList& meta, const Batch& support);

}  // namespace metaprompt

#endif  // EXPERIMENTS_WORKBENCH_DIVERGENCE_H_
