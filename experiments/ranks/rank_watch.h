// RankWatch: rank 0's view of whether the other ranks live, and whether anybody asked the run to stop.
#ifndef EXPERIMENTS_RANKS_RANK_WATCH_H_
#define EXPERIMENTS_RANKS_RANK_WATCH_H_

#include <atomic>
#include <chrono>
#include <functional>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "absl/status/status.h"
#include "experiments/ranks/link.h"

namespace metaprompt {

// The keys of the store by which rank 0 and the heartbeats of the others (heartbeat.h) understand each other.
std::string JoinKey(int rank);   // how many processes have joined as this rank
std::string BeatKey(int rank);   // counts the beats of its heart
std::string BlameKey(int rank);  // this rank ends because of another one, whose number is the value
inline constexpr char kAskedKey[] = "asked-to-stop";  // a rank got a signal
inline constexpr char kStopKey[] = "stop";            // rank 0 gives up the tasks that wait
inline constexpr char kBeginKey[] = "begin";          // every rank has joined
inline constexpr char kEndKey[] = "end";              // the run has ended, with this exit status
inline constexpr char kLeftKey[] = "left";            // how many ranks have ended because of kEndKey

// How often hearts beat, and are listened to.
std::chrono::milliseconds BeatInterval(std::chrono::seconds silence);

class RankWatch {
 public:
  // Returns why the process of this rank is known to have ended, or "" if it is not.
  using Ended = std::function<std::string(int rank)>;

  // Watches ranks 1, ..., size - 1 in a thread. A rank that gives no sign of life for `silence` is lost. `asked`: set
  // by a signal to this process.
  RankWatch(Link* link, int size, std::chrono::seconds silence, const std::atomic<bool>& asked, Ended ended);
  ~RankWatch();
  RankWatch(const RankWatch&) = delete;
  RankWatch& operator=(const RankWatch&) = delete;

  // Set if any rank got a signal to stop, or if a rank is lost: save, and end.
  const std::atomic<bool>& stop() const { return stop_; }

  // For errors: "rank 1 on node7 (process 123)".
  void SetName(int rank, const std::string& name);

  // Called when the communication with a rank failed. If that rank ended because of another one, the other one counts
  // as lost. Ends all communication, and returns Cancelled.
  absl::Status Lost(int rank, const std::string& why);

  // OK, or which rank was lost first, and why. A rank that was lost after a request to stop does not count.
  absl::Status failure() const;

 private:
  void Watch();
  // Notes new beats. Returns whether all could be read.
  void Listen(std::chrono::steady_clock::time_point now);

  Link* const link_;
  const std::chrono::seconds silence_;
  const std::atomic<bool>& asked_;
  const Ended ended_;
  std::atomic<bool> stop_ = false;
  std::atomic<bool> leave_ = false;
  mutable std::mutex mutex_;  // guards the variables below
  std::vector<std::string> names_;
  absl::Status failure_;
  bool lost_ = false;
  std::vector<int64_t> beats_;  // only the thread uses these two
  std::vector<std::chrono::steady_clock::time_point> heard_;
  std::thread thread_;
};

}  // namespace metaprompt

#endif  // EXPERIMENTS_RANKS_RANK_WATCH_H_
