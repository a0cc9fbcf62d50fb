#include "experiments/host/progress.h"

#include <cmath>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "metaprompt/base/text.h"

namespace metaprompt {
namespace {

constexpr double kTerminalSeconds = 0.2;
constexpr double kPlainSeconds = 9;
constexpr double kTellSeconds = 2;

}  // namespace

std::string Duration(double seconds) {
  const auto whole = static_cast<int64_t>(std::llround(seconds));
  if (whole < 60) {
    return absl::StrCat(whole, " s");
  }
  if (whole < 3600) {
    return absl::StrFormat("%d min %02d s", whole / 60, whole % 60);
  }
  return absl::StrFormat("%d h %02d min", whole / 3600, whole % 3600 / 60);
}

double Progress::Elapsed() const {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin_).count();
}

void Progress::Clear() {
  if (terminal_ && shown_width_ > 0) {
    *out_ << '\r' << std::string(shown_width_, ' ') << '\r';
    shown_width_ = 0;
  }
}

double Progress::Rate() const {
  const double elapsed = Elapsed();
  return static_cast<double>(now_.done - first_) / (elapsed > 0 ? elapsed : 1);
}

void Progress::Tell() {
  if (watcher_ == nullptr) {
    return;
  }
  now_.rate = Rate();
  now_.seconds_left = now_.rate > 0 ? static_cast<double>(now_.total - now_.done) / now_.rate : 0;
  watcher_(now_);
  last_told_ = Elapsed();
}

void Progress::TellIfDue() {
  if (watcher_ != nullptr && Elapsed() - last_told_ >= kTellSeconds) {
    Tell();
  }
}

void Progress::Begin(absl::string_view what, absl::string_view unit, int64_t done, int64_t total) {
  now_.what = std::string(what);
  now_.unit = std::string(unit);
  now_.done = done;
  now_.total = total;
  now_.detail.clear();
  first_ = done;
  begin_ = std::chrono::steady_clock::now();
  last_shown_ = terminal_ ? -kTerminalSeconds : 0;
  Tell();
}

bool Progress::Due() {
  const double elapsed = Elapsed();
  if (elapsed - last_shown_ < (terminal_ ? kTerminalSeconds : kPlainSeconds)) {
    return false;
  }
  last_shown_ = elapsed;
  return true;
}

void Progress::Show(const std::string& line) {
  if (terminal_) {
    *out_ << '\r' << Padded(line, shown_width_, Align::kLeft) << std::flush;
    shown_width_ = DisplayWidth(line);
  } else {
    *out_ << line << '\n' << std::flush;
  }
}

void Progress::Update(int64_t done, absl::string_view detail) {
  now_.done = done;
  now_.detail = std::string(detail);
  TellIfDue();
  if (!Due()) {
    return;
  }
  const double rate = Rate();
  std::string line = absl::StrFormat("%s: %d/%d %s", now_.what, done, now_.total, now_.unit);
  if (!detail.empty()) {
    absl::StrAppend(&line, ", ", detail);
  }
  if (rate > 0) {
    absl::StrAppendFormat(&line, ", %.3g/s, at most %s left", rate,
                          Duration(static_cast<double>(now_.total - done) / rate));
  }
  Show(line);
}

void Progress::Part(absl::string_view text) {
  now_.detail = std::string(text);
  TellIfDue();
  if (Due()) {
    Show(now_.detail);
  }
}

void Progress::SetValidations(std::string last, std::string best) {
  now_.last_validation = std::move(last);
  now_.best_validation = std::move(best);
  Tell();
}

void Progress::End(absl::string_view summary) {
  Line(absl::StrCat(now_.what, ": ", std::string(summary), " (", Duration(Elapsed()), ")"));
}

void Progress::Line(absl::string_view text) {
  Clear();
  *out_ << std::string(text) << '\n' << std::flush;
}

}  // namespace metaprompt
