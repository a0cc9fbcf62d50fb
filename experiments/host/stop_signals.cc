#include "experiments/host/stop_signals.h"

#include <signal.h>  // NOLINT(modernize-deprecated-headers): sigaction is POSIX's
#include <unistd.h>

namespace metaprompt {
namespace {

constexpr int kSignals[] = {SIGINT, SIGTERM, SIGUSR1};

std::atomic<bool> stop_flag = false;
std::atomic<int> stops_later = 0;  // how many StopsLater live

void EndAtOnce(int signal) {
  struct sigaction by_default = {};
  by_default.sa_handler = SIG_DFL;
  sigaction(signal, &by_default, nullptr);
  raise(signal);  // delivered when the handler returns
}

void AskToStop(int signal) {
  if (stops_later == 0 || stop_flag) {
    EndAtOnce(signal);
    return;
  }
  stop_flag = true;
  constexpr char kNote[] = "\nstopping after the current task; send the signal again to stop immediately\n";
  if (write(STDERR_FILENO, kNote, sizeof(kNote) - 1) < 0) {
    return;  // the note is lost, which does no harm
  }
}

}  // namespace

const std::atomic<bool>& StopFlag() { return stop_flag; }

void HearStopSignals() {
  struct sigaction action = {};
  action.sa_handler = AskToStop;
  action.sa_flags = SA_RESTART;
  for (const int signal : kSignals) {
    sigaction(signal, &action, nullptr);
  }
}

StopsLater::StopsLater() { ++stops_later; }
StopsLater::~StopsLater() { --stops_later; }

}  // namespace metaprompt
