// The objects that the parts of a run (training, validation, meta-test) share.
#ifndef EXPERIMENTS_RUNS_RUN_CONTEXT_H_
#define EXPERIMENTS_RUNS_RUN_CONTEXT_H_

#include <atomic>

#include "experiments/host/progress.h"
#include "experiments/runs/run_directory.h"
#include "experiments/watching/run_events.h"
#include "experiments/workbench/workbench.h"
#include "learners/inner/task_pool.h"
#include "learners/learner.h"

namespace metaprompt {

class Crew;

// Owns nothing; nothing but `events` and `crew` is null.
struct RunContext {
  Workbench* bench = nullptr;
  const Learner* learner = nullptr;
  RunDirectory* directory = nullptr;
  TaskPool* pool = nullptr;
  Progress* progress = nullptr;
  const std::atomic<bool>* stop = nullptr;  // set: save and return Cancelled
  RunEvents* events = nullptr;              // null: no events for TensorBoard
  Crew* crew = nullptr;                     // the other processes of the run; null: there are none
};

}  // namespace metaprompt

#endif  // EXPERIMENTS_RUNS_RUN_CONTEXT_H_
