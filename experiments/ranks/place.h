// Place: which of a run's processes this one is, and where it finds the others. The launchers tell it in environment
// variables.
#ifndef EXPERIMENTS_RANKS_PLACE_H_
#define EXPERIMENTS_RANKS_PLACE_H_

#include <functional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace metaprompt {

// The processes of a run are ranks 0, ..., size - 1.
struct Place {
  int rank = 0;
  int size = 1;
  int on_this_machine = 1;  // how many of them are on this machine, as far as that is known; at least 1
  std::string address;      // rank 0 listens here; empty if size is 1
  int port = 0;             // 0: rank 0 chooses a free one, and starts the others
  std::string launcher;     // for errors: "torchrun"

  // "rank 1 of 2 (torchrun)"
  std::string Text() const;
};

// Returns an environment variable, or null.
using GetVariable = std::function<const char*(const char* name)>;

// Reads the variables of, in this order:
//   a process that `--processes` started: METAPROMPT_RANK
//   torchrun, or a script: RANK, WORLD_SIZE, MASTER_ADDR, MASTER_PORT. torchrun itself listens on MASTER_PORT
//     (TORCHELASTIC_USE_AGENT_STORE), so rank 0 listens on the next port
//   Open MPI's mpirun: OMPI_COMM_WORLD_RANK, _SIZE, _LOCAL_SIZE
//   srun: SLURM_PROCID, SLURM_STEP_NUM_TASKS, SLURM_STEP_TASKS_PER_NODE; SLURM_STEP_NODELIST, whose first machine has
//     rank 0; if all tasks are on this machine, they meet at 127.0.0.1
//   MPICH's mpiexec: PMI_RANK, PMI_SIZE
// MASTER_ADDR and MASTER_PORT, if they are set, also replace the address and the port that are computed for mpirun and
// srun. A process without any of these variables is rank 0 of 1. Errors: a variable is missing or not a number, or a
// rank is not below the number of processes.
absl::StatusOr<Place> PlaceOf(const GetVariable& get);

// The same, from the environment of this process.
absl::StatusOr<Place> PlaceOfThisProcess();

// The same for a process of `metaprompt run --processes N`; `processes` is 1 without that option. If no launcher has
// started several processes, this one is rank 0 of N, and starts the others (Place::port is 0).
absl::StatusOr<Place> PlaceOfRun(int processes);

// An error if several processes were started for a command that runs in one.
absl::Status OnlyOneProcess(const std::string& command);

// The variable's value that tells a child of rank 0 its place.
std::string ChildVariable(const Place& place);
inline constexpr char kChildVariable[] = "METAPROMPT_RANK";

}  // namespace metaprompt

#endif  // EXPERIMENTS_RANKS_PLACE_H_
