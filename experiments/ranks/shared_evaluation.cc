#include "experiments/ranks/shared_evaluation.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <exception>
#include <mutex>
#include <thread>
#include <utility>

#include "absl/status/statusor.h"

namespace metaprompt {
namespace {

constexpr std::chrono::milliseconds kMeanwhile(500);

// Deals out the groups.
class Deal {
 public:
  Deal(const SharedEvaluation& work, const std::function<void(size_t, std::vector<EpisodeResult>)>& store)
      : work_(work), store_(store) {}

  absl::Status Run(const std::function<void()>& meanwhile);

 private:
  // Takes up to `count` groups, the first of which is *first. Returns how many.
  size_t Take(size_t count, size_t* first);
  void Fail(const absl::Status& status);
  // Evaluates the next group in this process.
  void OwnGroup();
  // Lets a rank evaluate groups until there are none.
  void OtherRank(int rank);

  const SharedEvaluation& work_;
  const std::function<void(size_t, std::vector<EpisodeResult>)>& store_;
  std::atomic<bool> failed_ = false;
  std::mutex mutex_;  // guards the variables below
  std::condition_variable ended_;
  size_t next_ = 0;
  int busy_ = 0;  // ranks that have groups
  absl::Status error_;
};

size_t Deal::Take(size_t count, size_t* first) {
  const std::lock_guard<std::mutex> lock(mutex_);
  *first = next_;
  const size_t taken = failed_ ? 0 : std::min(count, work_.groups.size() - next_);
  next_ += taken;
  return taken;
}

void Deal::Fail(const absl::Status& status) {
  const std::lock_guard<std::mutex> lock(mutex_);
  error_.Update(status);
  failed_ = true;
}

void Deal::OwnGroup() {
  size_t g = 0;
  if (Take(1, &g) == 0) {
    return;
  }
  absl::StatusOr<std::vector<EpisodeResult>> results =
      work_.tester->Group(*work_.params, work_.groups[g].first, work_.groups[g].end);
  if (results.ok()) {
    store_(g, *std::move(results));
  } else {
    Fail(results.status());
  }
}

void Deal::OtherRank(int rank) {
  const size_t at_once = work_.one_thread ? static_cast<size_t>(work_.pool->threads()) : 1;
  size_t first = 0;
  while (!work_.crew->stop()) {
    const size_t count = Take(at_once, &first);
    if (count == 0) {
      return;
    }
    EpisodesRequest request;
    request.set_split(static_cast<int>(work_.split));
    request.set_shots(work_.shots);
    request.set_what(work_.what);
    request.set_one_thread(work_.one_thread);
    for (size_t i = 0; i < count; ++i) {
      EpisodesRequest::Group* const group = request.add_groups();
      group->set_first(work_.groups[first + i].first);
      group->set_end(work_.groups[first + i].end);
    }
    absl::StatusOr<std::vector<std::vector<EpisodeResult>>> results =
        work_.crew->Evaluate(rank, std::move(request), *work_.params);
    if (absl::IsCancelled(results.status())) {
      return;
    }
    if (!results.ok() || results->size() != count) {
      Fail(results.ok() ? absl::InternalError("a process did not evaluate all its episodes") : results.status());
      return;
    }
    for (size_t i = 0; i < count; ++i) {
      store_(first + i, std::move((*results)[i]));
    }
  }
}

absl::Status Deal::Run(const std::function<void()>& meanwhile) {
  std::vector<std::thread> others;
  busy_ = work_.crew == nullptr ? 0 : work_.crew->size() - 1;
  for (int rank = 1, count = busy_; rank <= count; ++rank) {
    others.emplace_back([this, rank] {
      OtherRank(rank);
      const std::lock_guard<std::mutex> lock(mutex_);
      --busy_;
      ended_.notify_all();
    });
  }
  std::exception_ptr thrown;
  try {
    const auto few = work_.one_thread ? TaskPool::FewTasks::kOneThread : TaskPool::FewTasks::kAllThreads;
    work_.pool->Run(static_cast<int64_t>(work_.groups.size()), [this](int64_t) { OwnGroup(); }, meanwhile, few);
  } catch (...) {
    thrown = std::current_exception();
    Fail(absl::InternalError("an exception"));
  }
  std::unique_lock<std::mutex> lock(mutex_);
  while (!ended_.wait_for(lock, kMeanwhile, [this] { return busy_ == 0; })) {
    lock.unlock();
    meanwhile();
    lock.lock();
  }
  lock.unlock();
  for (std::thread& other : others) {
    other.join();
  }
  if (thrown != nullptr) {
    std::rethrow_exception(thrown);
  }
  return error_;
}

}  // namespace

absl::Status EvaluateGroups(const SharedEvaluation& work,
                            const std::function<void(size_t g, std::vector<EpisodeResult> results)>& store,
                            const std::function<void()>& meanwhile) {
  return Deal(work, store).Run(meanwhile);
}

}  // namespace metaprompt
