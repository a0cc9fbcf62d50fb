// ProtoMAML (Triantafillou et al. 2020, section 3.1): a prototypical network is a linear classifier with class vectors
// 2 c and biases −|c|². The inner steps start at this classifier, and adapt it together with the model's parameters.
#ifndef LEARNERS_PAPERS_PROTO_MAML_H_
#define LEARNERS_PAPERS_PROTO_MAML_H_

#include "learners/bases/gradient_learner.h"

namespace metaprompt {

class ProtoMaml : public GradientLearner {
 public:
  explicit ProtoMaml(const LearnerSpec& spec) : GradientLearner(spec) {}

 protected:
  TaskStart Start(const Model& model, const MetaParams& meta, const Batch& support, const InnerSpec& inner,
                  bool learned_rates) const override;
};

}  // namespace metaprompt

#endif  // LEARNERS_PAPERS_PROTO_MAML_H_
