// Makes Ctrl-C a request to save and end during a library call.
#ifndef EXPERIMENTS_BINDINGS_STOP_ON_INTERRUPT_H_
#define EXPERIMENTS_BINDINGS_STOP_ON_INTERRUPT_H_

#include <atomic>
#include <csignal>

namespace metaprompt {

// While such an object lives, SIGINT sets flag(). Its destructor restores the previous handler. Only one may live at a
// time.
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
