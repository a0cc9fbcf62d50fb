// The whole inner loop without a graph, for adaptation at validation and test, and for Reptile.
#ifndef LEARNERS_INNER_DESCENT_H_
#define LEARNERS_INNER_DESCENT_H_

#include <vector>

#include "learners/inner/task_start.h"
#include "learners/learner.pb.h"
#include "metaprompt/model/batch.h"
#include "metaprompt/model/model.h"
#include "metaprompt/model/params.h"

namespace metaprompt {

// Returns θ_K. The loop has inner.steps steps or, if `test` has epochs, passes over the support set in mini-batches.
// The schedule of the step size is that of `test`; null: the step size is constant.
//
// Prototypes and the first step need the same forward pass. They share it if there is a single task without a pull, a
// parameter of the lowest layer moves (such as a soft prompt), each step uses the whole support set, and the model has
// no dropout.
ModelParams Descend(const Model& model, const TaskStart& start, const Batch& support, const InnerSpec& inner,
                    const MetaTestSpec* test);

// Approximately how many bytes the graph of one step takes in Descend. `texts` is the number of texts that the model
// computes for the whole support set. A mini-batch has test.batch texts instead.
double DescentBytes(const Model& model, const Batch& support, double texts, const MetaTestSpec& test);

struct Descent {
  ModelParams params;    // θ_K
  double last_loss = 0;  // at θ_{K-1}, on the batch of the last step
  double last_accuracy = 0;
};

// Returns θ_K after inner.steps steps. Step k, from 0, uses the batch turns[k mod turns.size()].
Descent DescendInTurns(const Model& model, const TaskStart& start, const std::vector<const Batch*>& turns,
                       const InnerSpec& inner);

}  // namespace metaprompt

#endif  // LEARNERS_INNER_DESCENT_H_
