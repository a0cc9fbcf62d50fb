// Shows the progress of long work: what is done, how much of it, how fast, and the time left. On a terminal this is one
// line that is overwritten; otherwise it is plain lines.
#ifndef EXPERIMENTS_HOST_PROGRESS_H_
#define EXPERIMENTS_HOST_PROGRESS_H_

#include <chrono>
#include <cstdint>
#include <functional>
#include <ostream>
#include <string>
#include <utility>

#include "absl/strings/string_view.h"

namespace metaprompt {

// How far the work is.
struct ProgressNow {
  std::string what;
  std::string unit;
  int64_t done = 0;
  int64_t total = 0;
  std::string detail;
  double rate = 0;          // units per second; 0: not known yet
  double seconds_left = 0;  // at most, if the rate is known
  std::string last_validation;
  std::string best_validation;
};

class Progress {
 public:
  // `terminal`: whether `out` is a terminal. If not, there is at most one progress line per nine seconds.
  Progress(std::ostream* out, bool terminal) : out_(out), terminal_(terminal) {}
  ~Progress() { Clear(); }
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  // Begins work of `total` units, of which an earlier process has done `done`.
  void Begin(absl::string_view what, absl::string_view unit, int64_t done, int64_t total);
  // Shows how far the work is. `detail` is free text, such as the loss.
  void Update(int64_t done, absl::string_view detail);
  // Shows `text` in the way Update shows its line, to describe a long part of the work, such as a validation.
  void Part(absl::string_view text);
  // The accuracy of the last validation and of the best one, for those who watch; empty: there is none.
  void SetValidations(std::string last, std::string best);
  // Ends the work with a line that stays.
  void End(absl::string_view summary);
  // Prints a line that stays.
  void Line(absl::string_view text);

  // From now on, `watcher` is also told how far the work is, at most every two seconds. nullptr ends this.
  void Watch(std::function<void(const ProgressNow&)> watcher) { watcher_ = std::move(watcher); }

 private:
  double Elapsed() const;
  // Units per second since Begin.
  double Rate() const;
  void Tell();
  // Tells the watcher if it is time.
  void TellIfDue();
  // Whether it is time for another line. If so, the next interval begins now.
  bool Due();
  void Show(const std::string& line);
  void Clear();

  std::ostream* out_;
  bool terminal_;
  std::function<void(const ProgressNow&)> watcher_;
  ProgressNow now_;  // rate and seconds_left are set in Tell
  int64_t first_ = 0;
  double last_told_ = 0;
  std::chrono::steady_clock::time_point begin_;
  double last_shown_ = 0;
  size_t shown_width_ = 0;
};

// "7 s", "3 min 20 s", "2 h 05 min".
std::string Duration(double seconds);

}  // namespace metaprompt

#endif  // EXPERIMENTS_HOST_PROGRESS_H_
