// Converts between structured parameters and flat lists, which tests compare and differentiate.
#ifndef TESTS_HELPERS_PARAM_LISTS_H_
#define TESTS_HELPERS_PARAM_LISTS_H_

#include <cstdint>

#include "learners/learner.h"
#include "metaprompt/model/model.h"
#include "metaprompt/model/params.h"

namespace metaprompt {

// The model's parameters and, if the list is longer, the class head.
inline ModelParams SplitHead(const Model& model, const ParamList& flat) {
  const auto head = flat.begin() + static_cast<int64_t>(model.params().size());
  return {{flat.begin(), head}, {head, flat.end()}};
}

// All tensors: the model's, the class head's, the learner's own and the fitted ones.
inline ParamList Flat(const AdaptedParams& adapted) {
  ParamList flat = adapted.model.params;
  for (const ParamList* list : {&adapted.model.head, &adapted.own, &adapted.fitted}) {
    flat.insert(flat.end(), list->begin(), list->end());
  }
  return flat;
}

}  // namespace metaprompt

#endif  // TESTS_HELPERS_PARAM_LISTS_H_
