// Signals that ask the program to stop: Ctrl-C (SIGINT), and the signals of batch systems (SIGTERM, SIGUSR1).
#ifndef EXPERIMENTS_HOST_STOP_SIGNALS_H_
#define EXPERIMENTS_HOST_STOP_SIGNALS_H_

#include <atomic>

namespace metaprompt {

// Set by the first of these signals after HearStopSignals.
const std::atomic<bool>& StopFlag();

// For commands that have something to save. From now on, a signal that arrives while a StopsLater lives only sets the
// flag and prints a note to standard error; a second signal, of any of these kinds, ends the program immediately. At
// any other time a signal ends the program immediately, as it does without this function. Call it once, in main.
void HearStopSignals();

// A promise that, while this object lives, the program checks the flag every few seconds and saves its work before it
// ends.
class StopsLater {
 public:
  StopsLater();
  ~StopsLater();
  StopsLater(const StopsLater&) = delete;
  StopsLater& operator=(const StopsLater&) = delete;
};

}  // namespace metaprompt

#endif  // EXPERIMENTS_HOST_STOP_SIGNALS_H_
