#include <unistd.h>

#include <csignal>
#include <iostream>
#include <string>
#include <vector>

#include "experiments/cli/command_line.h"
#include "experiments/host/blas.h"
#include "experiments/host/stop_signals.h"

// jemalloc's settings, which it looks for under this name. Freed memory is kept for the next step and not returned to
// the system page by page. Small tensors may be cut from freed large ones of any size: without that, the peak is a
// third higher. Huge pages where the system grants them: a page is found in less time, which is worth a tenth of the
// time where a large model's parameters stream through.
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
  // Beyond a limit of file sizes (ulimit -f), a write then fails like one to a full disk: with an error, and no part
  // left.
  std::signal(SIGXFSZ, SIG_IGN);
  std::ios::sync_with_stdio(false);  // nothing here reads or writes but through streams
  return metaprompt::RunCommand(
      arguments, {&std::cout, &std::cerr, isatty(STDERR_FILENO) != 0, &metaprompt::StopFlag(), &std::cin});
}
