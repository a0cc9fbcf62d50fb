// Prototypical networks (Snell et al. 2017): a query is assigned the class whose mean support feature is nearest.
#ifndef LEARNERS_PAPERS_PROTO_NET_H_
#define LEARNERS_PAPERS_PROTO_NET_H_

#include "learners/bases/episode_learner.h"

namespace metaprompt {

class ProtoNet : public EpisodeLearner {
 public:
  explicit ProtoNet(const LearnerSpec& spec) : EpisodeLearner(spec) {}

 protected:
  // Returns the prototypes [ways, D].
  ParamList Fit(const MetaParams& meta, const at::Tensor& features, const Batch& support) const override;
  at::Tensor Predict(const MetaParams& meta, const at::Tensor& features, const ParamList& fitted) const override;
};

}  // namespace metaprompt

#endif  // LEARNERS_PAPERS_PROTO_NET_H_
