// How many processor threads to use.
#ifndef EXPERIMENTS_HOST_THREADS_H_
#define EXPERIMENTS_HOST_THREADS_H_

namespace metaprompt {

// `wanted`, or, if that is 0, one thread per core that this process may use.
int ThreadsOr(int wanted);

}  // namespace metaprompt

#endif  // EXPERIMENTS_HOST_THREADS_H_
