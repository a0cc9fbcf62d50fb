// Independent tasks side by side on the machine's cores.
#ifndef LEARNERS_INNER_TASK_POOL_H_
#define LEARNERS_INNER_TASK_POOL_H_

#include <condition_variable>
#include <cstdint>
#include <exception>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace metaprompt {

// Where there are at least as many tasks as threads, each task runs on one thread: no barriers inside, and the same
// numbers with any number of threads. Fewer tasks run one after another, each on all threads, inside its products.
class TaskPool {
 public:
  // threads >= 1. One pool a process: the thread count of LibTorch and of BLAS is the process's.
  explicit TaskPool(int threads);
  ~TaskPool();
  TaskPool(const TaskPool&) = delete;
  TaskPool& operator=(const TaskPool&) = delete;

  int threads() const { return threads_; }

  // Calls task(0) ... task(count - 1), in no order; returns when all are done. If any throws, one exception is thrown
  // again here once the others are done.
  void Run(int64_t count, const std::function<void(int64_t)>& task);

 private:
  void Work();

  const int threads_;
  std::vector<std::thread> workers_;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::condition_variable done_;
  const std::function<void(int64_t)>* task_ = nullptr;  // null: nothing to do
  int64_t next_ = 0;
  int64_t count_ = 0;
  int64_t running_ = 0;
  std::exception_ptr error_;
  bool stop_ = false;
};

// Threads that LibTorch and OpenBLAS use inside one operation, for the calling thread and for threads made after it.
void SetOperationThreads(int threads);

}  // namespace metaprompt

#endif  // LEARNERS_INNER_TASK_POOL_H_
