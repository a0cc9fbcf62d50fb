// Heartbeat: how a rank other than 0 shows that it lives, and finds out that the run has ended.
#ifndef EXPERIMENTS_RANKS_HEARTBEAT_H_
#define EXPERIMENTS_RANKS_HEARTBEAT_H_

#include <atomic>
#include <chrono>
#include <functional>
#include <string>
#include <thread>

#include "experiments/ranks/link.h"

namespace metaprompt {

class Heartbeat {
 public:
  // Beats in a thread until the destructor. Calls `end` from another thread, which must end the process:
  //   end(status, ""): rank 0 has ended the run with this exit status
  //   end(1, why): rank 0 is gone, or has given no sign of life for `silence`
  // `asked`: set by a signal to this process, which rank 0 is told.
  Heartbeat(Link* link, int rank, std::chrono::seconds silence, const std::atomic<bool>& asked,
            std::function<void(int status, const std::string& why)> end);
  ~Heartbeat();
  Heartbeat(const Heartbeat&) = delete;
  Heartbeat& operator=(const Heartbeat&) = delete;

  // Set if rank 0 wants tasks that have not begun to be given up.
  const std::atomic<bool>& stop() const { return stop_; }

 private:
  using Clock = std::chrono::steady_clock;

  void Beat();
  // Ends the process if a beat takes too long.
  void Watch();

  Link* const link_;
  const int rank_;
  const std::chrono::seconds silence_;
  const std::atomic<bool>& asked_;
  const std::function<void(int status, const std::string& why)> end_;
  std::atomic<bool> stop_ = false;
  std::atomic<bool> leave_ = false;
  std::atomic<Clock::time_point> answered_;  // when rank 0's store last answered
  std::thread beat_;
  std::thread watch_;
};

}  // namespace metaprompt

#endif  // EXPERIMENTS_RANKS_HEARTBEAT_H_
