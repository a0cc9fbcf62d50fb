#include <unistd.h>

#include <csignal>
#include <iostream>
#include <string>
#include <vector>

#include "experiments/cli/command_line.h"
#include "experiments/host/blas.h"
#include "experiments/host/stop_signals.h"

// The settings of jemalloc, which reads the variable of this name. Freed memory is kept for the next step and not
// returned to the system page by page. Small tensors may reuse the memory of large ones of any size; otherwise the peak
// is a third higher. Huge pages are used where the system grants them: address translation is faster, which saves a
// tenth of the time with a large model.
extern "C" {
const char* malloc_conf =  // NOLINT: its name and type are jemalloc's
    "dirty_decay_ms:-1,muzzy_decay_ms:-1,lg_extent_max_active_fit:20,thp:always";
}

int main(int argc, char** argv) {
  const std::vector<std::string> arguments(argv + 1, argv + argc);
  const metaprompt::CommandFacts facts = metaprompt::FactsOfCommand(arguments.empty() ? "" : arguments[0]);
  if (facts.best_kernel) {
    metaprompt::UseBestBlasKernel(argv);
  }
  if (facts.hears_signals) {
    metaprompt::HearStopSignals();
  }
  // Now a write beyond the limit of file sizes (ulimit -f) fails in the same way as a write to a full disk: with an
  // error, and without leaving a partial file.
  std::signal(SIGXFSZ, SIG_IGN);
  std::ios::sync_with_stdio(false);  // the program only uses streams
  return metaprompt::RunCommand(arguments, {&std::cout, &std::cerr, isatty(STDERR_FILENO) != 0, &metaprompt::StopFlag(),
                                            &std::cin, isatty(STDOUT_FILENO) != 0});
}
