// Crew: the other processes of a run, as rank 0 uses them. Rank 0 runs the run: it alone has the files and the
// decisions, and the optimizer's state if that is not divided. The others compute gradients and evaluate episodes for
// it (worker.h).
#ifndef EXPERIMENTS_RANKS_CREW_H_
#define EXPERIMENTS_RANKS_CREW_H_

#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "experiments/ranks/child_ranks.h"
#include "experiments/ranks/divided_optimizer.h"
#include "experiments/ranks/link.h"
#include "experiments/ranks/place.h"
#include "experiments/ranks/rank_tasks.h"
#include "experiments/ranks/rank_watch.h"
#include "experiments/ranks/ranks.pb.h"
#include "learners/inner/adamw.h"
#include "learners/inner/gradient_block.h"
#include "learners/inner/moment_owners.h"
#include "metaprompt/model/params.h"

namespace metaprompt {

class Crew : public OtherRanks {
 public:
  // Rank 0 begins to listen. `silence`: the bound for processes that do not start or do not answer. `asked`: set by a
  // signal to this process.
  static absl::StatusOr<std::unique_ptr<Crew>> Listen(const Place& place, std::chrono::seconds silence,
                                                      const std::atomic<bool>& asked);
  // Ends the other processes with the status of End, or with 1.
  ~Crew() override;
  Crew(const Crew&) = delete;
  Crew& operator=(const Crew&) = delete;

  // Starts the other processes, if no launcher did (Place::port is 0), waits until all have joined, and sends them the
  // setup. Their standard output and error go to the files rank-N.log in `folder`.
  absl::Status Gather(RunSetup setup, const std::string& folder);

  // Waits until all ranks have opened the run, and compares what they opened with `mine`. `bfloat16`: whether matrix
  // products are in bfloat16. The error names a rank and what differs.
  absl::Status Compare(const RankFacts& mine, bool bfloat16);

  // The number of processes, this one included.
  int size() const { return place_.size; }
  // Set if the run is to save and end: a signal to any process, or a process is lost.
  const std::atomic<bool>& stop() const { return watch_ == nullptr ? asked_ : watch_->stop(); }
  // OK, or which process was lost first, and why.
  absl::Status failure() const { return watch_ == nullptr ? absl::OkStatus() : watch_->failure(); }

  // The parameters are others now: of another number of shots, or another initialisation. Call it before the first
  // meta-step or evaluation with them.
  void NewParams(std::vector<ParamInfo> infos, int shots);

  // Divides the optimizer's state among all processes, until EndDivision: *state keeps the moments of rank 0. `device`:
  // where the parameters of NewParams are. Cancelled if a process is lost.
  absl::Status Divide(at::Device device, AdamWState* state);
  // Between Divide and EndDivision; null otherwise.
  MomentOwners* owners() const { return divided_.get(); }
  // The others forget their moments. If one is lost, this is noticed later.
  void EndDivision();

  // OtherRanks, for meta-steps with the number of shots of NewParams.
  absl::Status Begin(int64_t meta_step, int64_t groups, const ParamList& params) override;
  int64_t First(int64_t groups) const override { return FirstOf(0, groups); }
  absl::Status Finish(const std::vector<ParamInfo>& infos, const ParamList& params, ParamList* sums,
                      std::vector<GroupFacts>* facts) override;
  void Drop() override;
  void Updated(const ParamList& sums) override;

  // Lets a rank evaluate the groups of `request` with `params`; see EpisodesRequest. Cancelled if the rank was asked to
  // stop, or is lost. May be called for several ranks at the same time.
  absl::StatusOr<std::vector<std::vector<EpisodeResult>>> Evaluate(int rank, EpisodesRequest request,
                                                                   const ParamList& params);

  // The exit status of the other processes, once this object ends.
  void End(int status) { end_status_ = status; }

  // Seconds that the main thread spent with sending and receiving, and with waiting for the results of other ranks.
  double communication_seconds() const { return communication_seconds_; }
  double waiting_seconds() const { return waiting_seconds_; }

 private:
  Crew(const Place& place, std::chrono::seconds silence, const std::atomic<bool>& asked, std::unique_ptr<Link> link);

  // The first group of a rank, and one more than its last one. Rank 1 has the first groups, rank 0 the last ones.
  int64_t FirstOf(int rank, int64_t groups) const;
  int64_t EndOf(int rank, int64_t groups) const;
  absl::Status WaitForAll();
  // Connects all ranks. An error if a child ends meanwhile.
  absl::Status Connect();
  // The error of a rank whose process is known to have ended; OK otherwise.
  absl::Status DidNotStart(int rank);
  // Sends the parameters that the rank does not have. `rows`: the rows that it needs; undefined: all.
  absl::Status SendParams(int rank, const ParamList& params, const at::Tensor& rows);
  // Tells the ranks that computed a block what becomes of it.
  absl::Status Order(bool add);
  // Receives the answers of the ranks that compute a block. The error is that of the first one that has one.
  absl::Status Collect(std::vector<GroupFacts>* facts);
  // Ends the other processes, and waits for a moment until they have noticed.
  void Leave();

  const Place place_;
  const std::chrono::seconds silence_;
  const std::atomic<bool>& asked_;
  std::shared_ptr<Link> link_;
  std::unique_ptr<ChildRanks> children_;
  std::unique_ptr<RankWatch> watch_;
  bool connected_ = false;
  int end_status_ = 1;
  std::vector<ParamInfo> infos_;
  int shots_ = 0;
  StaleTable stale_;
  std::vector<int> asked_ranks_;  // those that have groups of the current meta-step
  std::unique_ptr<DividedOptimizer> divided_;
  double communication_seconds_ = 0;
  double waiting_seconds_ = 0;
};

}  // namespace metaprompt

#endif  // EXPERIMENTS_RANKS_CREW_H_
