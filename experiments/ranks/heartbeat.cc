#include "experiments/ranks/heartbeat.h"

#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "experiments/ranks/rank_watch.h"
#include "metaprompt/base/status_macros.h"

namespace metaprompt {
namespace {

constexpr std::chrono::milliseconds kTick(50);

// The value of a key, or "" if it does not exist.
absl::StatusOr<std::string> ValueOf(Link* link, const std::string& key) {
  ASSIGN_OR_RETURN(const bool has, link->Has(key));
  return has ? link->Get(key) : std::string();
}

}  // namespace

Heartbeat::Heartbeat(Link* link, int rank, std::chrono::seconds silence, const std::atomic<bool>& asked,
                     std::function<void(int status, const std::string& why)> end)
    : link_(link), rank_(rank), silence_(silence), asked_(asked), end_(std::move(end)), answered_(Clock::now()) {
  beat_ = std::thread([this] { Beat(); });
  watch_ = std::thread([this] { Watch(); });
}

Heartbeat::~Heartbeat() {
  leave_ = true;
  beat_.join();
  watch_.join();
}

void Heartbeat::Beat() {
  const auto interval = BeatInterval(silence_);
  bool told = false;
  Clock::time_point last = Clock::now() - interval;
  while (!leave_) {
    const bool asked = asked_ && !told;
    if (!asked && Clock::now() - last < interval) {
      std::this_thread::sleep_for(kTick);
      continue;
    }
    last = Clock::now();
    if (asked) {
      told = link_->Set(kAskedKey, "1").ok();
    }
    const absl::StatusOr<int64_t> beat = link_->Add(BeatKey(rank_), 1);
    const absl::StatusOr<bool> stop = link_->Has(kStopKey);
    const absl::StatusOr<std::string> end = ValueOf(link_, kEndKey);
    for (const absl::Status& status : {beat.status(), stop.status(), end.status()}) {
      if (!status.ok() && !leave_) {
        end_(1, absl::StrCat("rank 0 is gone: ", std::string(status.message())));
        return;
      }
    }
    answered_ = Clock::now();
    stop_ = stop_ || (stop.ok() && *stop);
    int status = 0;
    if (end.ok() && absl::SimpleAtoi(*end, &status) && !leave_) {
      end_(status, "");
      return;
    }
  }
}

void Heartbeat::Watch() {
  Clock::time_point last = Clock::now();
  while (!leave_) {
    std::this_thread::sleep_for(kTick);
    const Clock::time_point now = Clock::now();
    if (now - last > BeatInterval(silence_) + kTick) {  // this process did not run, so that rank 0's answer may be late
      answered_ = now;
    }
    last = now;
    if (now - answered_.load() > silence_) {
      end_(1, absl::StrCat("rank 0 has given no sign of life for ", silence_.count(), " s"));
      return;
    }
  }
}

}  // namespace metaprompt
