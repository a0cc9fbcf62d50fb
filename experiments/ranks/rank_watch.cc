#include "experiments/ranks/rank_watch.h"

#include <algorithm>
#include <cstdint>
#include <utility>

#include "absl/status/statusor.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"

namespace metaprompt {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::chrono::milliseconds kTick(50);

}  // namespace

std::string JoinKey(int rank) { return absl::StrCat("join/", rank); }
std::string BeatKey(int rank) { return absl::StrCat("beat/", rank); }
std::string BlameKey(int rank) { return absl::StrCat("blame/", rank); }

std::chrono::milliseconds BeatInterval(std::chrono::seconds silence) {
  return std::min(std::chrono::milliseconds(200), std::chrono::milliseconds(silence) / 8);
}

RankWatch::RankWatch(Link* link, int size, std::chrono::seconds silence, const std::atomic<bool>& asked, Ended ended)
    : link_(link),
      silence_(silence),
      asked_(asked),
      ended_(std::move(ended)),
      beats_(static_cast<size_t>(size), 0),
      heard_(static_cast<size_t>(size), Clock::now()) {
  for (int r = 0; r < size; ++r) {
    names_.push_back(absl::StrCat("rank ", r));
  }
  thread_ = std::thread([this] { Watch(); });
}

RankWatch::~RankWatch() {
  leave_ = true;
  thread_.join();
}

void RankWatch::SetName(int rank, const std::string& name) {
  const std::lock_guard<std::mutex> lock(mutex_);
  names_[static_cast<size_t>(rank)] = name;
}

absl::Status RankWatch::Lost(int rank, const std::string& why) {
  std::string reason = why;
  // A rank that another one's end has brought down names it before it ends.
  for (size_t i = 0; i < names_.size(); ++i) {
    const absl::StatusOr<bool> has = link_->Has(BlameKey(rank));
    const absl::StatusOr<std::string> blamed = has.ok() && *has ? link_->Get(BlameKey(rank)) : std::string();
    int other = 0;
    if (!blamed.ok() || !absl::SimpleAtoi(*blamed, &other) || other <= 0 || other == rank ||
        other >= static_cast<int>(names_.size())) {
      break;
    }
    reason = absl::StrCat("rank ", rank, " lost the connection to it");
    rank = other;
  }
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    if (!lost_ && !stop_ && !asked_) {
      failure_ = absl::UnavailableError(absl::StrCat("lost ", names_[static_cast<size_t>(rank)], ": ", reason));
    }
    lost_ = true;
  }
  stop_ = true;
  link_->Interrupt();
  return absl::CancelledError("the same command begins again");
}

absl::Status RankWatch::failure() const {
  const std::lock_guard<std::mutex> lock(mutex_);
  return failure_;
}

void RankWatch::Listen(Clock::time_point now) {
  for (size_t r = 1; r < beats_.size(); ++r) {
    const absl::StatusOr<int64_t> beats = link_->Add(BeatKey(static_cast<int>(r)), 0);
    if (beats.ok() && *beats != beats_[r]) {
      beats_[r] = *beats;
      heard_[r] = now;
    }
    if (now - heard_[r] > silence_) {
      static_cast<void>(Lost(static_cast<int>(r),
                             absl::StrCat("no sign of life for ", silence_.count(), " s")));  // NOLINT: see failure
      return;
    }
  }
}

void RankWatch::Watch() {
  const auto interval = BeatInterval(silence_);
  Clock::time_point last = Clock::now();
  bool told = false;
  while (!leave_) {
    std::this_thread::sleep_for(kTick);
    bool lost;
    {
      const std::lock_guard<std::mutex> lock(mutex_);
      lost = lost_;
    }
    if (lost) {
      link_->Interrupt();  // again, for calls that began meanwhile
      continue;
    }
    const absl::StatusOr<bool> asked = link_->Has(kAskedKey);
    if (!stop_ && (asked_ || (asked.ok() && *asked))) {
      stop_ = true;
    }
    if (stop_ && !told) {
      told = link_->Set(kStopKey, "1").ok();
    }
    for (size_t r = 1; r < beats_.size() && ended_ != nullptr; ++r) {
      if (const std::string why = ended_(static_cast<int>(r)); !why.empty()) {
        static_cast<void>(Lost(static_cast<int>(r), why));  // NOLINT: see failure
        break;
      }
    }
    const Clock::time_point now = Clock::now();
    if (now - last < interval) {
      continue;
    }
    if (now - last > 3 * interval + kTick) {  // this process did not run: the beats may be late for the same reason
      std::fill(heard_.begin(), heard_.end(), now);
    }
    last = now;
    Listen(now);
  }
}

}  // namespace metaprompt
