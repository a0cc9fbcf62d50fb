#include "experiments/host/threads.h"

#include <sched.h>

#include <algorithm>

namespace metaprompt {

int ThreadsOr(int wanted) {
  if (wanted > 0) {
    return wanted;
  }
  cpu_set_t cpus;
  return sched_getaffinity(0, sizeof(cpus), &cpus) == 0 ? std::max(1, CPU_COUNT(&cpus)) : 1;
}

}  // namespace metaprompt
