#include "experiments/host/progress.h"

#include <cmath>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "metaprompt/base/text.h"

namespace metaprompt {
namespace {

constexpr double kTerminalSeconds = 0.2;
constexpr double kPlainSeconds = 9;

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

void Progress::Begin(absl::string_view what, absl::string_view unit, int64_t done, int64_t total) {
  what_ = std::string(what);
  unit_ = std::string(unit);
  first_ = done;
  total_ = total;
  begin_ = std::chrono::steady_clock::now();
  last_shown_ = terminal_ ? -kTerminalSeconds : 0;
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
  if (!Due()) {
    return;
  }
  const double elapsed = Elapsed();
  const double rate = static_cast<double>(done - first_) / (elapsed > 0 ? elapsed : 1);
  std::string line = absl::StrFormat("%s: %d/%d %s", what_, done, total_, unit_);
  if (!detail.empty()) {
    absl::StrAppend(&line, ", ", detail);
  }
  if (rate > 0) {
    absl::StrAppendFormat(&line, ", %.3g/s, at most %s left", rate,
                          Duration(static_cast<double>(total_ - done) / rate));
  }
  Show(line);
}

void Progress::Part(absl::string_view text) {
  if (Due()) {
    Show(std::string(text));
  }
}

void Progress::End(absl::string_view summary) {
  Line(absl::StrCat(what_, ": ", std::string(summary), " (", Duration(Elapsed()), ")"));
}

void Progress::Line(absl::string_view text) {
  Clear();
  *out_ << std::string(text) << '\n' << std::flush;
}

}  // namespace metaprompt
