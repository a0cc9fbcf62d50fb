// Independent tasks in parallel on the machine's cores.
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

// If there are at least as many tasks as threads, each task runs on one thread: without barriers inside, and with the
// same numbers for any number of threads. Fewer tasks run one after another, and each uses all threads in its matrix
// products.
class TaskPool {
 public:
  // threads >= 1. One pool per process: the thread count of LibTorch and of BLAS is the process's.
  explicit TaskPool(int threads);
  ~TaskPool();
  TaskPool(const TaskPool&) = delete;
  TaskPool& operator=(const TaskPool&) = delete;

  int threads() const { return threads_; }

  // Calls task(0) ... task(count - 1) in any order and returns when all are done. If one throws, no further task
  // starts, and its exception is thrown here once those that run are done.
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

// Sets how many threads LibTorch and OpenBLAS use inside one operation, for the calling thread and for threads that are
// started later.
void SetOperationThreads(int threads);

}  // namespace metaprompt

#endif  // LEARNERS_INNER_TASK_POOL_H_
