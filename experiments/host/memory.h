// How much memory this process may use.
#ifndef EXPERIMENTS_HOST_MEMORY_H_
#define EXPERIMENTS_HOST_MEMORY_H_

namespace metaprompt {

// The most bytes that this process can have: the machine's memory and swap, the limit of the process's control group,
// or the process's limit of address space (ulimit -v), whichever is smallest.
double MemoryLimit();

}  // namespace metaprompt

#endif  // EXPERIMENTS_HOST_MEMORY_H_
