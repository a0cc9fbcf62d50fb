#include <unistd.h>

#include <atomic>
#include <csignal>
#include <iostream>
#include <string>
#include <vector>

#include "experiments/cli/command_line.h"
#include "experiments/host/blas.h"

// jemalloc's settings, which it looks for by this name: what a step gives back, the next one takes, and nothing goes to
// the system and comes again in between, page by page. Small tensors may be cut from what large ones left, however
// large: without that the peak is a third higher.
extern "C" {
const char* malloc_conf =  // NOLINT: its name and type are jemalloc's
    "dirty_decay_ms:-1,muzzy_decay_ms:-1,lg_extent_max_active_fit:20";
}

namespace {

std::atomic<bool>& StopFlag() {
  static std::atomic<bool> stop = false;
  return stop;
}

// The first Ctrl-C asks the run to save and end; the second ends the program as it always does.
void AskToStop(int signal) {
  StopFlag() = true;
  std::signal(signal, SIG_DFL);
  constexpr char kNote[] = "\nstopping after this step; once more to stop at once\n";
  if (write(STDERR_FILENO, kNote, sizeof(kNote) - 1) < 0) {
    return;  // nothing to be told to
  }
}

}  // namespace

int main(int argc, char** argv) {
  const std::vector<std::string> arguments(argv + 1, argv + argc);
  // Starting the program again costs half a second, so only what multiplies matrices does.
  if (!arguments.empty() && (arguments[0] == "run" || arguments[0] == "bench" || arguments[0] == "encode" ||
                             arguments[0] == "classify" || arguments[0] == "doctor")) {
    metaprompt::UseBestBlasKernel(argv);
  }
  StopFlag();
  // Those that wait for their input have nothing to save.
  if (arguments.empty() || (arguments[0] != "tokenize" && arguments[0] != "classify")) {
    std::signal(SIGINT, AskToStop);
    std::signal(SIGTERM, AskToStop);
  }
  std::ios::sync_with_stdio(false);  // nothing here reads or writes but through streams
  return metaprompt::RunCommand(arguments,
                                {&std::cout, &std::cerr, isatty(STDERR_FILENO) != 0, &StopFlag(), &std::cin});
}
