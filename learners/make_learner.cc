#include "learners/make_learner.h"

#include <c10/util/Exception.h>

#include "learners/anil.h"
#include "learners/cavia.h"
#include "learners/contrast_net.h"
#include "learners/imaml.h"
#include "learners/linear_probe.h"
#include "learners/maml.h"
#include "learners/meta_prompter.h"
#include "learners/meta_sgd.h"
#include "learners/proto_maml.h"
#include "learners/proto_net.h"
#include "learners/r2d2.h"
#include "learners/reptile.h"

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
