// How many processor threads to use.
#ifndef EXPERIMENTS_HOST_THREADS_H_
#define EXPERIMENTS_HOST_THREADS_H_

namespace metaprompt {

// `wanted`, or, if that is 0, one thread per core that this process may use.
int ThreadsOr(int wanted);

// The same for each of `processes` processes of one run on this machine. If each of them may use all cores of the
// machine, they share them. A launcher may also have given each its own cores.
int ThreadsOr(int wanted, int processes);

}  // namespace metaprompt

#endif  // EXPERIMENTS_HOST_THREADS_H_
