// Timer: how long something takes, in all.
#ifndef EXPERIMENTS_RANKS_TIMER_H_
#define EXPERIMENTS_RANKS_TIMER_H_

#include <chrono>

namespace metaprompt {

// Adds the seconds of its life to a sum, which must outlive it.
class Timer {
 public:
  explicit Timer(double* sum) : sum_(sum) {}
  ~Timer() { *sum_ += std::chrono::duration<double>(std::chrono::steady_clock::now() - begin_).count(); }
  Timer(const Timer&) = delete;
  Timer& operator=(const Timer&) = delete;

 private:
  double* const sum_;
  const std::chrono::steady_clock::time_point begin_ = std::chrono::steady_clock::now();
};

}  // namespace metaprompt

#endif  // EXPERIMENTS_RANKS_TIMER_H_
