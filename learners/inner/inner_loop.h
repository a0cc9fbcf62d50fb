// The inner loop: from an initialisation down the support loss. Shared by the learners that adapt by gradient steps.
#ifndef LEARNERS_INNER_INNER_LOOP_H_
#define LEARNERS_INNER_INNER_LOOP_H_

#include <ATen/core/Tensor.h>

#include <vector>

#include "learners/learner.h"
#include "learners/learner.pb.h"
#include "metaprompt/model/batch.h"
#include "metaprompt/model/model.h"
#include "metaprompt/model/params.h"

namespace metaprompt {

// Which of the model's parameters a scope names. Layers count from the topmost `layer` number, which is the head's.
std::vector<bool> InScope(const std::vector<ParamInfo>& infos, const ScopeSpec& scope);

// The same values as leaves of a new graph; those in `wanted` require a gradient.
ParamList Leaves(const ParamList& params, const std::vector<bool>& wanted);

// A parameter's step size, constant or learned.
struct InnerRate {
  double constant = 0;
  at::Tensor learned;  // [1 or K, ...], a row a step; what is behind broadcasts over the parameter. Undefined: constant

  bool moves() const { return constant != 0 || learned.defined(); }
};

// Where a task's inner loop begins, as a function of the meta-parameters.
struct TaskStart {
  ParamList params;  // θ_0: the model's parameters, and behind them the class head, if the task has one of its own
  std::vector<InnerRate> rates;  // of each; those that do not move stay as they are
  double pull = 0;               // λ of λ/2 |θ − θ_0|² beside the support loss, over what moves
  double temperature = 0;  // above 0: the class head is still to come, of the support texts' prototypes; AddPrototypes
};

// The step size that `inner` gives a group of the model's parameters.
double ConstantRate(const InnerSpec& inner, ParamGroup group);

// Places of the model's parameters that a scope names and whose step size is not 0.
std::vector<size_t> MovedPlaces(const Model& model, const InnerSpec& inner, const ScopeSpec& adapts);

// θ_0 = the model's own parameters (the first of `meta`) with constant rates, and a class head: from the answer words
// if its rate is not 0, or, to come, the support texts' prototypes (Model::prototype_temperature). What moves in an
// episode of several tasks gets one value a task.
TaskStart PlainStart(const Model& model, const ParamList& meta, const Batch& support, const InnerSpec& inner,
                     const ScopeSpec& adapts);

// Gives the start the class head that it still lacks, if any, by a forward pass over the support texts. Differentiable
// in its parameters.
void AddPrototypes(const Model& model, const Batch& support, TaskStart* start);

// For episodes of several tasks: each task's own copy of what moves.
void OneForEachTask(const Model& model, int64_t tasks, TaskStart* start);

// Whether all that PlainStart would move may differ between the tasks of a batch.
bool MovesPerTask(const Model& model, const InnerSpec& inner, const ScopeSpec& adapts);

// What the optimizer keeps from step to step, beside the parameters. SGD keeps nothing.
struct InnerState {
  ParamList params;
  ParamList first;  // AdamW's moments of what moves, undefined elsewhere
  ParamList second;
};

// θ_{k+1} from θ_k and the gradients (undefined: none) at step `step` from 0; `share` of the step size. Differentiable
// in all of them. `decay`: which parameters weight decay applies to.
InnerState InnerStep(const InnerSpec& inner, const std::vector<InnerRate>& rates, const std::vector<bool>& decay,
                     int64_t step, double share, const ParamList& grads, const InnerState& state);

// θ_K without a graph: on all of the support set, or as `test` says (null: as in meta-training). Prototypes and the
// first step, which see the same texts with the same parameters, share a forward pass: of one task without a pull,
// where something of the lowest layer moves (a soft prompt does) and steps are on all of the support set.
ParamList Descend(const Model& model, const TaskStart& start, const Batch& support, const InnerSpec& inner,
                  const MetaTestSpec* test);

struct Descent {
  ParamList params;      // θ_K
  double last_loss = 0;  // of the last step's batch at θ_{K-1}
  double last_accuracy = 0;
};

// θ_K without a graph, step k on turns[k mod turns].
Descent DescendInTurns(const Model& model, const TaskStart& start, const std::vector<const Batch*>& turns,
                       const InnerSpec& inner);

// A task between its start and its end.
struct Task {
  const Model* model = nullptr;
  InnerSpec inner;
  std::vector<InnerRate> rates;
  std::vector<bool> decay;    // of each parameter
  std::vector<size_t> moved;  // places of what moves
  double pull = 0;
  ParamList origin;  // θ_0, without a graph, where there is a pull
  Batch support;
  Batch query;
};

// The task that begins there; its batches are still to come.
Task MakeTask(const Model& model, const InnerSpec& inner, const TaskStart& start);

// The lowest layer with a parameter that moves. Above all: none does.
int FirstMovedLayer(const Task& task);

struct LossAndAccuracy {
  at::Tensor loss;
  double accuracy = 0;
};

LossAndAccuracy LossOf(const Model& model, const ParamList& params, const Batch& batch);

// ∇L(θ; batch) of what moves, beside the parameters, the pull included. `seen`: loss and accuracy at θ, if not null.
ParamList LossGradient(const Task& task, const ParamList& params, const Batch& batch, bool create_graph,
                       LossAndAccuracy* seen);

// A step of which no graph remains.
InnerState PlainStep(const Task& task, int64_t step, double share, const Batch& support, const InnerState& state,
                     LossAndAccuracy* seen);

// `params` with leaves that require a gradient for what moves; a class head may be missing.
ParamList WithMovedLeaves(const Task& task, const ParamList& params);

// The tensors at `places`; undefined beyond the list's end.
ParamList Select(const ParamList& params, const std::vector<size_t>& places);

ParamList WithoutGraph(const ParamList& params);

// The share of texts whose largest logit is their label's. 0 where the model has no logits.
double Accuracy(const at::Tensor& logits, const at::Tensor& labels);

// *sum += grad, where undefined is zero.
void Add(const at::Tensor& grad, at::Tensor* sum);

// The gradients of scalars, or of `outputs` weighted with `weights`, in `inputs`; undefined where there is none.
ParamList Gradients(const ParamList& outputs, const ParamList& inputs, const ParamList& weights, bool keep_graph,
                    bool create_graph);

}  // namespace metaprompt

#endif  // LEARNERS_INNER_INNER_LOOP_H_
