#include "learners/inner/task_pool.h"

#include <ATen/Parallel.h>
#include <c10/core/AutogradState.h>
#include <dlfcn.h>
#include <torch/version.h>

#include <chrono>

namespace metaprompt {
namespace {

constexpr std::chrono::milliseconds kMeanwhile(500);  // between two calls of Run's `meanwhile`

// Lets a backward pass on a GPU run in the thread that asks for it, as on the CPU. By default, one thread of LibTorch
// computes all backward passes on a GPU. Then the threads of a pool would wait for each other, and gradients would be
// summed in an order that depends on what the process computed before.
void DifferentiateInThisThread() {
#if TORCH_VERSION_MAJOR >= 2
  c10::AutogradState::get_tls_state().set_multithreading_enabled(false);
#endif
}

}  // namespace

void SetOperationThreads(int threads) {
  at::set_num_threads(threads);
  at::get_num_threads();  // a thread's first read takes the value that any thread has set last, so read it now
  // LibTorch's setting applies to its own loops and to MKL's. OpenBLAS, if it has its own threads, needs another call.
  static const auto set_openblas = reinterpret_cast<void (*)(int)>(dlsym(RTLD_DEFAULT, "openblas_set_num_threads"));
  if (set_openblas != nullptr) {
    set_openblas(threads);
  }
}

void RunAtOnce(int64_t count, const std::function<void(int64_t)>& task) {
  if (count == 1) {
    task(0);
    return;
  }
  std::vector<std::exception_ptr> errors(static_cast<size_t>(count));
  std::vector<std::thread> threads;
  for (int64_t i = 0; i < count; ++i) {
    threads.emplace_back([&, i] {
      DifferentiateInThisThread();
      try {
        task(i);
      } catch (...) {
        errors[static_cast<size_t>(i)] = std::current_exception();
      }
    });
  }
  for (std::thread& thread : threads) {
    thread.join();
  }
  for (const std::exception_ptr& error : errors) {
    if (error != nullptr) {
      std::rethrow_exception(error);
    }
  }
}

TaskPool::TaskPool(int threads, const std::atomic<bool>* stop) : threads_(threads), asked_to_stop_(stop) {
  SetOperationThreads(threads);
  DifferentiateInThisThread();
  for (int i = 0; threads > 1 && i < threads; ++i) {
    workers_.emplace_back([this] { Work(); });
  }
}

TaskPool::~TaskPool() {
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    stop_ = true;
  }
  wake_.notify_all();
  for (std::thread& worker : workers_) {
    worker.join();
  }
}

int64_t TaskPool::Run(int64_t count, const std::function<void(int64_t)>& task, const std::function<void()>& meanwhile,
                      FewTasks few) {
  if ((count < threads_ && few == FewTasks::kAllThreads) || workers_.empty()) {
    for (int64_t i = 0; i < count; ++i) {
      if (AskedToStop()) {
        return i;
      }
      task(i);
      if (meanwhile != nullptr) {
        meanwhile();
      }
    }
    return count;
  }
  SetOperationThreads(1);
  {
    std::unique_lock<std::mutex> lock(mutex_);
    task_ = &task;
    next_ = 0;
    count_ = count;
    error_ = nullptr;
    wake_.notify_all();
    const auto all_done = [this] { return next_ >= count_ && running_ == 0; };
    while (!done_.wait_for(lock, kMeanwhile, all_done)) {
      if (meanwhile != nullptr) {
        lock.unlock();
        meanwhile();
        lock.lock();
      }
    }
    task_ = nullptr;
    count = count_;
  }
  SetOperationThreads(threads_);
  if (error_ != nullptr) {
    std::rethrow_exception(error_);
  }
  return count;
}

void TaskPool::Work() {
  at::set_num_threads(1);
  DifferentiateInThisThread();
  std::unique_lock<std::mutex> lock(mutex_);
  while (true) {
    wake_.wait(lock, [this] { return stop_ || (task_ != nullptr && next_ < count_); });
    if (stop_) {
      return;
    }
    if (AskedToStop()) {
      count_ = next_;
      if (running_ == 0) {
        done_.notify_all();
      }
      continue;
    }
    const int64_t index = next_++;
    ++running_;
    lock.unlock();
    std::exception_ptr error;
    try {
      (*task_)(index);
    } catch (...) {
      error = std::current_exception();
    }
    lock.lock();
    --running_;
    if (error != nullptr) {
      error_ = error;
      next_ = count_;
    }
    if (next_ >= count_ && running_ == 0) {
      done_.notify_all();
    }
  }
}

}  // namespace metaprompt
