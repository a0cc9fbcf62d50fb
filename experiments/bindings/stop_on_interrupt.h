// Ctrl-C as a request to save and end, while a library call lasts.
#ifndef EXPERIMENTS_BINDINGS_STOP_ON_INTERRUPT_H_
#define EXPERIMENTS_BINDINGS_STOP_ON_INTERRUPT_H_

#include <atomic>
#include <csignal>

namespace metaprompt {

// While such an object lives, SIGINT sets flag(); afterwards the handler that was there before is back. One at a time.
class StopOnInterrupt {
 public:
  StopOnInterrupt();
  ~StopOnInterrupt();
  StopOnInterrupt(const StopOnInterrupt&) = delete;
  StopOnInterrupt& operator=(const StopOnInterrupt&) = delete;

  const std::atomic<bool>& flag() const;
  void Request();  // as if the signal had come

 private:
  struct sigaction before_{};
};

}  // namespace metaprompt

#endif  // EXPERIMENTS_BINDINGS_STOP_ON_INTERRUPT_H_
