// Which of the model's parameters move in the inner steps or are meta-learned, and how large their inner steps are.
#ifndef LEARNERS_INNER_SCOPE_H_
#define LEARNERS_INNER_SCOPE_H_

#include <vector>

#include "learners/learner.pb.h"
#include "learners/scope.pb.h"
#include "metaprompt/model/model.h"
#include "metaprompt/model/params.h"

namespace metaprompt {

// The largest ParamInfo::layer: the head's, where the model has one.
int TopLayer(const std::vector<ParamInfo>& infos);

// For each of the model's parameters, whether the scope contains it. LAST_LAYERS counts down from TopLayer.
std::vector<bool> InScope(const std::vector<ParamInfo>& infos, const ScopeSpec& scope);

// The step size that `inner` gives a group of the model's parameters. 0 for a learner's own parameters.
double ConstantRate(const InnerSpec& inner, ParamGroup group);

// The places in model.params() of the parameters that are in the scope and have a step size other than 0.
std::vector<size_t> MovedPlaces(const Model& model, const InnerSpec& inner, const ScopeSpec& adapts);

// Whether every parameter at MovedPlaces may have a different value in each task of a batch (Model::PerTask).
bool MovesPerTask(const Model& model, const InnerSpec& inner, const ScopeSpec& adapts);

}  // namespace metaprompt

#endif  // LEARNERS_INNER_SCOPE_H_
