// MAML (Finn et al. 2017), to second and to first order, with MAML++'s multi-step loss (Antoniou et al. 2019, eq. 3).
#ifndef LEARNERS_MAML_H_
#define LEARNERS_MAML_H_

#include <cstdint>
#include <vector>

#include "learners/inner_loop.h"
#include "learners/learner.h"

namespace metaprompt {

// Weights of the query loss after inner steps 1 to `steps` in epoch `epoch`: they sum to 1, start equal, and end with
// 0.03 / steps for each but the last. Without a spec all the weight is on the last step. steps >= 1.
std::vector<double> MultiStepWeights(int steps, int64_t epoch, int64_t epochs);

class Maml : public Learner {
 public:
  explicit Maml(const MamlSpec& spec) : spec_(spec) {}

  ParamList Adapt(const Model& model, const ParamList& meta, const Batch& support) const override;

  // ∇_θ Σ_k w_k L(θ_k; Q), θ_{k+1} = θ_k − α ∇L(θ_k; S). Second order keeps the graph of all inner steps; memory grows
  // with them. First order takes ∂θ_k/∂θ for the identity and keeps the graph of one.
  TaskGradient MetaGradient(const Model& model, const ParamList& meta, const Episode& episode,
                            int64_t meta_step) const override;

 private:
  InnerRateSpec rates() const;
  std::vector<double> StepWeights(int64_t meta_step) const;  // [max(1, inner_steps)]

  MamlSpec spec_;
};

}  // namespace metaprompt

#endif  // LEARNERS_MAML_H_
