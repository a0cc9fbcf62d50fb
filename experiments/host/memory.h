// How much memory this process may use.
#ifndef EXPERIMENTS_HOST_MEMORY_H_
#define EXPERIMENTS_HOST_MEMORY_H_

namespace metaprompt {

// The bytes that this process can have at most: the machine's memory and swap, its control group's limit or its own
// limit of address space (ulimit -v), whichever is the smallest.
double MemoryLimit();

}  // namespace metaprompt

#endif  // EXPERIMENTS_HOST_MEMORY_H_
