// Which of the model's parameters the inner steps change, or meta-training changes, and their constant step sizes. A
// parameter that the inner steps change is said to move.
#ifndef LEARNERS_INNER_SCOPE_H_
#define LEARNERS_INNER_SCOPE_H_

#include <vector>

#include "learners/learner.pb.h"
#include "learners/scope.pb.h"
#include "metaprompt/model/model.h"
#include "metaprompt/model/params.h"

namespace metaprompt {

// The largest ParamInfo::layer, which is the head's.
int TopLayer(const std::vector<ParamInfo>& infos);

// For each of the model's parameters, whether the scope contains it. LAST_LAYERS counts down from TopLayer. A parameter
// without elements is in no scope.
std::vector<bool> InScope(const std::vector<ParamInfo>& infos, const ScopeSpec& scope);

// The step size of a group of parameters in `inner`. 0 for the learner's own parameters.
double ConstantRate(const InnerSpec& inner, ParamGroup group);

// The indices in model.params() of the parameters that are in the scope and whose step size is not 0.
std::vector<size_t> MovedPlaces(const Model& model, const InnerSpec& inner, const ScopeSpec& adapts);

// Whether every parameter at MovedPlaces may have a different value in each task of a batch (Model::PerTask).
bool MovesPerTask(const Model& model, const InnerSpec& inner, const ScopeSpec& adapts);

}  // namespace metaprompt

#endif  // LEARNERS_INNER_SCOPE_H_
