#include "experiments/host/threads.h"

#include <sched.h>
#include <unistd.h>

#include <algorithm>

namespace metaprompt {

int ThreadsOr(int wanted) {
  if (wanted > 0) {
    return wanted;
  }
  cpu_set_t cpus;
  return sched_getaffinity(0, sizeof(cpus), &cpus) == 0 ? std::max(1, CPU_COUNT(&cpus)) : 1;
}

int ThreadsOr(int wanted, int processes) {
  const int threads = ThreadsOr(wanted);
  return wanted > 0 || threads < sysconf(_SC_NPROCESSORS_ONLN) ? threads : std::max(1, threads / processes);
}

}  // namespace metaprompt
