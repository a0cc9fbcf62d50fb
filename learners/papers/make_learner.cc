#include "learners/papers/make_learner.h"

#include <c10/util/Exception.h>

#include "learners/papers/anil.h"
#include "learners/papers/cavia.h"
#include "learners/papers/contrast_net.h"
#include "learners/papers/imaml.h"
#include "learners/papers/linear_probe.h"
#include "learners/papers/maml.h"
#include "learners/papers/meta_prompter.h"
#include "learners/papers/meta_sgd.h"
#include "learners/papers/proto_maml.h"
#include "learners/papers/proto_net.h"
#include "learners/papers/r2d2.h"
#include "learners/papers/reptile.h"

namespace metaprompt {

std::unique_ptr<Learner> MakeLearner(const LearnerSpec& spec) {
  switch (spec.kind_case()) {
    case LearnerSpec::kMaml:
      return std::make_unique<Maml>(spec);
    case LearnerSpec::kReptile:
      return std::make_unique<Reptile>(spec);
    case LearnerSpec::kAnil:
      return std::make_unique<Anil>(spec);
    case LearnerSpec::kMetaSgd:
      return std::make_unique<MetaSgd>(spec);
    case LearnerSpec::kCavia:
      return std::make_unique<Cavia>(spec);
    case LearnerSpec::kImaml:
      return std::make_unique<Imaml>(spec);
    case LearnerSpec::kProtoNet:
      return std::make_unique<ProtoNet>(spec);
    case LearnerSpec::kProtoMaml:
      return std::make_unique<ProtoMaml>(spec);
    case LearnerSpec::kR2D2:
      return std::make_unique<R2d2>(spec);
    case LearnerSpec::kContrastNet:
      return std::make_unique<ContrastNet>(spec);
    case LearnerSpec::kMetaPrompter:
      return std::make_unique<MetaPrompter>(spec);
    case LearnerSpec::kLinearProbe:
      return std::make_unique<LinearProbe>(spec);
    case LearnerSpec::KIND_NOT_SET:
      break;
  }
  TORCH_CHECK(false, "MakeLearner: the spec names no learner");
}

}  // namespace metaprompt
