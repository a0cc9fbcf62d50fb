// Prototypical networks (Snell et al. 2017): a query belongs to the class whose mean support feature is nearest.
#ifndef LEARNERS_PAPERS_PROTO_NET_H_
#define LEARNERS_PAPERS_PROTO_NET_H_

#include "learners/bases/episode_learner.h"

namespace metaprompt {

// Class logits of features x [B, D] with prototypes c [ways, D]: −|x − c|² / temperature, or cos(x, c) / temperature.
// [B, ways], differentiable any number of times.
at::Tensor DistanceLogits(const at::Tensor& x, const at::Tensor& c, Distance distance, double temperature);

class ProtoNet : public EpisodeLearner {
 public:
  explicit ProtoNet(const LearnerSpec& spec) : EpisodeLearner(spec) {}

 protected:
  // The prototypes [ways, D].
  ParamList Fit(const ParamList& meta, const at::Tensor& features, const Batch& support) const override;
  at::Tensor Predict(const ParamList& meta, const at::Tensor& features, const ParamList& fitted) const override;
};

}  // namespace metaprompt

#endif  // LEARNERS_PAPERS_PROTO_NET_H_
