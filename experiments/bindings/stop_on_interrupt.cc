#include "experiments/bindings/stop_on_interrupt.h"

#include <unistd.h>

namespace metaprompt {
namespace {

std::atomic<bool>& Flag() {
  static std::atomic<bool> flag = false;
  return flag;
}

void AskToStop(int /*signal*/) {
  Flag() = true;
  constexpr char kNote[] = "\nstopping after the current task; send the signal again to stop immediately\n";
  if (write(STDERR_FILENO, kNote, sizeof(kNote) - 1) < 0) {
    return;  // the note is lost, which does no harm
  }
}

}  // namespace

StopOnInterrupt::StopOnInterrupt() {
  Flag() = false;
  struct sigaction ours{};
  ours.sa_handler = AskToStop;
  ours.sa_flags = SA_RESTART;
  sigaction(SIGINT, &ours, &before_);
}

StopOnInterrupt::~StopOnInterrupt() { sigaction(SIGINT, &before_, nullptr); }

const std::atomic<bool>& StopOnInterrupt::flag() const { return Flag(); }

void StopOnInterrupt::Request() { Flag() = true; }

}  // namespace metaprompt
