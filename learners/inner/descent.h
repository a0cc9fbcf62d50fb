// The whole inner loop without a graph: adaptation at validation and test, and Reptile's.
#ifndef LEARNERS_INNER_DESCENT_H_
#define LEARNERS_INNER_DESCENT_H_

#include <vector>

#include "learners/inner/task_start.h"
#include "learners/learner.pb.h"
#include "metaprompt/model/batch.h"
#include "metaprompt/model/model.h"
#include "metaprompt/model/params.h"

namespace metaprompt {

// θ_K, by inner.steps steps on the whole support set, or as `test` prescribes (null: as in meta-training).
//
// Prototypes and the first step need the same forward pass. They share it for a single task without a pull, if a
// parameter of the lowest layer moves (a soft prompt is one), the steps are on the whole support set and nothing is
// dropped.
ModelParams Descend(const Model& model, const TaskStart& start, const Batch& support, const InnerSpec& inner,
                    const MetaTestSpec* test);

// About how many bytes Descend takes at its peak for the graph of one step. `texts`: how many texts the model computes
// for the whole support set; a mini-batch has test.batch.
double DescentBytes(const Model& model, const Batch& support, double texts, const MetaTestSpec& test);

struct Descent {
  ModelParams params;    // θ_K
  double last_loss = 0;  // at θ_{K-1}, of the last step's batch
  double last_accuracy = 0;
};

// θ_K, by inner.steps steps of which step k is on batch turns[k mod size of turns].
Descent DescendInTurns(const Model& model, const TaskStart& start, const std::vector<const Batch*>& turns,
                       const InnerSpec& inner);

}  // namespace metaprompt

#endif  // LEARNERS_INNER_DESCENT_H_
