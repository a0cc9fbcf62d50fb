// ChildRanks: the other processes of a run on this machine, which rank 0 starts itself (`metaprompt run --processes
// N`).
#ifndef EXPERIMENTS_RANKS_CHILD_RANKS_H_
#define EXPERIMENTS_RANKS_CHILD_RANKS_H_

#include <sys/types.h>

#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "experiments/ranks/place.h"

namespace metaprompt {

// The file in the run's folder for what a rank prints.
std::string RankLog(const std::string& folder, int rank);

class ChildRanks {
 public:
  // Starts this program with the same arguments for ranks 1, ..., place.size - 1. `place`: that of rank 0, with the
  // port on which it listens. The children's output is appended to RankLog(folder, rank).
  static absl::StatusOr<std::unique_ptr<ChildRanks>> Start(const Place& place, const std::string& folder);
  // Kills those that still run, and waits for them.
  ~ChildRanks();
  ChildRanks(const ChildRanks&) = delete;
  ChildRanks& operator=(const ChildRanks&) = delete;

  // How that rank's process ended: "killed by signal 9"; "" while it runs. May be called from several threads.
  std::string Ended(int rank);

 private:
  struct Children;
  explicit ChildRanks(std::unique_ptr<Children> children);

  std::unique_ptr<Children> children_;
};

}  // namespace metaprompt

#endif  // EXPERIMENTS_RANKS_CHILD_RANKS_H_
