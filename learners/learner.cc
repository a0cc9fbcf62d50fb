#include "learners/learner.h"

#include <c10/util/Exception.h>

#include "learners/maml.h"
#include "learners/reptile.h"

namespace metaprompt {

std::unique_ptr<Learner> MakeLearner(const LearnerSpec& spec) {
  switch (spec.kind_case()) {
    case LearnerSpec::kMaml:
      return std::make_unique<Maml>(spec.maml());
    case LearnerSpec::kReptile:
      return std::make_unique<Reptile>(spec.reptile());
    case LearnerSpec::KIND_NOT_SET:
      break;
  }
  TORCH_CHECK(false, "MakeLearner: the spec names no learner");
}

}  // namespace metaprompt
