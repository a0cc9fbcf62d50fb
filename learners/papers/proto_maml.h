// ProtoMAML (Triantafillou et al. 2020, section 3.1): class vectors and biases begin as those of the linear classifier
// that a prototypical network is, 2 c and −|c|², and then adapt with the rest.
#ifndef LEARNERS_PAPERS_PROTO_MAML_H_
#define LEARNERS_PAPERS_PROTO_MAML_H_

#include "learners/bases/gradient_learner.h"

namespace metaprompt {

class ProtoMaml : public GradientLearner {
 public:
  explicit ProtoMaml(const LearnerSpec& spec) : GradientLearner(spec) {}

 protected:
  TaskStart Start(const Model& model, const ParamList& meta, const Batch& support, const InnerSpec& inner,
                  bool learned_rates) const override;
};

}  // namespace metaprompt

#endif  // LEARNERS_PAPERS_PROTO_MAML_H_
