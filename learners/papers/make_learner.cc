#include "learners/papers/make_learner.h"

#include <c10/util/Exception.h>

#include <string>

#include "learners/learner_facts.h"
#include "learners/papers/anil.h"
#include "learners/papers/cavia.h"
#include "learners/papers/contrast_net.h"
#include "learners/papers/imaml.h"
#include "learners/papers/in_context.h"
#include "learners/papers/linear_probe.h"
#include "learners/papers/maml.h"
#include "learners/papers/meta_prompter.h"
#include "learners/papers/meta_sgd.h"
#include "learners/papers/proto_maml.h"
#include "learners/papers/proto_net.h"
#include "learners/papers/r2d2.h"
#include "learners/papers/reptile.h"

namespace metaprompt {
namespace {

template <typename Type>
std::unique_ptr<Learner> Make(const LearnerSpec& spec) {
  return std::make_unique<Type>(spec);
}

struct Row {
  LearnerSpec::KindCase kind;
  std::unique_ptr<Learner> (*make)(const LearnerSpec& spec);
};

// One row per learner.
constexpr Row kLearners[] = {
    {LearnerSpec::kMaml, Make<Maml>},
    {LearnerSpec::kReptile, Make<Reptile>},
    {LearnerSpec::kAnil, Make<Anil>},
    {LearnerSpec::kMetaSgd, Make<MetaSgd>},
    {LearnerSpec::kCavia, Make<Cavia>},
    {LearnerSpec::kImaml, Make<Imaml>},
    {LearnerSpec::kProtoNet, Make<ProtoNet>},
    {LearnerSpec::kProtoMaml, Make<ProtoMaml>},
    {LearnerSpec::kR2D2, Make<R2d2>},
    {LearnerSpec::kContrastNet, Make<ContrastNet>},
    {LearnerSpec::kMetaPrompter, Make<MetaPrompter>},
    {LearnerSpec::kLinearProbe, Make<LinearProbe>},
    {LearnerSpec::kInContext, Make<InContext>},
};

}  // namespace

std::unique_ptr<Learner> MakeLearner(const LearnerSpec& spec) {
  for (const Row& row : kLearners) {
    if (row.kind == spec.kind_case()) {
      return row.make(spec);
    }
  }
  const std::string name = LearnerName(spec);
  TORCH_CHECK(false, "MakeLearner: ", name.empty() ? "the spec names no learner" : "no row in kLearners for " + name);
}

}  // namespace metaprompt
