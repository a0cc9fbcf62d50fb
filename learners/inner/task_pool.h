// TaskPool: runs independent tasks in parallel on the machine's cores.
#ifndef LEARNERS_INNER_TASK_POOL_H_
#define LEARNERS_INNER_TASK_POOL_H_

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <exception>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace metaprompt {

// If there are at least as many tasks as threads, each task runs on one thread. Then there are no barriers within a
// task, and the results are the same for any number of threads. If there are fewer tasks, the caller chooses.
class TaskPool {
 public:
  // How tasks run if there are fewer of them than threads. kAllThreads: one after another, each with all threads in its
  // matrix products, whose sums are then rounded differently. kOneThread: each on one thread, while other threads are
  // idle.
  enum class FewTasks { kAllThreads, kOneThread };

  // threads >= 1. A process may have only one pool, because the thread counts of LibTorch and of BLAS apply to the
  // whole process. While *stop is true (null: never), no task starts, but running tasks are finished.
  explicit TaskPool(int threads, const std::atomic<bool>* stop = nullptr);
  ~TaskPool();
  TaskPool(const TaskPool&) = delete;
  TaskPool& operator=(const TaskPool&) = delete;

  int threads() const { return threads_; }

  // Calls task(0), ..., task(count - 1) in this order, each on the next free thread, and waits for all of them. Returns
  // the number n of tasks that were done, which are task(0), ..., task(n - 1). It is less than `count` only if the pool
  // was asked to stop. If a task throws, no further task starts, and Run throws the exception when the running tasks
  // are done. The calling thread calls `meanwhile`, if given, about twice per second while it waits or, if the tasks
  // run one after another, after each task.
  int64_t Run(int64_t count, const std::function<void(int64_t)>& task, const std::function<void()>& meanwhile = nullptr,
              FewTasks few = FewTasks::kAllThreads);

 private:
  void Work();
  bool AskedToStop() const { return asked_to_stop_ != nullptr && asked_to_stop_->load(); }

  const int threads_;
  const std::atomic<bool>* const asked_to_stop_;
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

// Calls task(0), ..., task(count - 1) at the same time, each in a thread of its own, for work on a GPU, and waits for
// all of them. Rethrows the exception of the first task that threw one.
void RunAtOnce(int64_t count, const std::function<void(int64_t)>& task);

// Sets the number of threads that LibTorch and OpenBLAS use within an operation, for the calling thread and for threads
// that start later.
void SetOperationThreads(int threads);

}  // namespace metaprompt

#endif  // LEARNERS_INNER_TASK_POOL_H_
