// Independent tasks in parallel on the machine's cores.
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

// If there are at least as many tasks as threads, each task runs on one thread: without barriers inside, and with the
// same numbers for any number of threads. For fewer tasks, the caller chooses.
class TaskPool {
 public:
  // What is done with fewer tasks than threads. kAllThreads: they run one after another, and each uses all threads in
  // its matrix products, whose sums then round differently. kOneThread: each runs on one thread, and others idle.
  enum class FewTasks { kAllThreads, kOneThread };

  // threads >= 1. One pool per process: the thread count of LibTorch and of BLAS is the process's. While `stop` is set
  // (null: never), no task starts; those that run are finished.
  explicit TaskPool(int threads, const std::atomic<bool>* stop = nullptr);
  ~TaskPool();
  TaskPool(const TaskPool&) = delete;
  TaskPool& operator=(const TaskPool&) = delete;

  int threads() const { return threads_; }

  // Calls task(0) ... task(count - 1), and returns when all are done; each thread takes the first that is left. Returns
  // how many were done: the first so many. Fewer than `count`: the pool was asked to stop. If one throws, no further
  // task starts, and its exception is thrown here once those that run are done. `meanwhile`, if given, is called by
  // this thread about twice per second while others work; where tasks run one after another, after each.
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

// Sets how many threads LibTorch and OpenBLAS use inside one operation, for the calling thread and for threads that are
// started later.
void SetOperationThreads(int threads);

}  // namespace metaprompt

#endif  // LEARNERS_INNER_TASK_POOL_H_
