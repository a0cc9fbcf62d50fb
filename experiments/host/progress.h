// Shows the progress of long work: what is done, how much of it, how fast, and the time left. On a terminal this is one
// line that is overwritten; otherwise it is plain lines.
#ifndef EXPERIMENTS_HOST_PROGRESS_H_
#define EXPERIMENTS_HOST_PROGRESS_H_

#include <chrono>
#include <cstdint>
#include <ostream>
#include <string>

#include "absl/strings/string_view.h"

namespace metaprompt {

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
  // Ends the work with a line that stays.
  void End(absl::string_view summary);
  // Prints a line that stays.
  void Line(absl::string_view text);

 private:
  double Elapsed() const;
  // Whether it is time for another line. If so, the next interval begins now.
  bool Due();
  void Show(const std::string& line);
  void Clear();

  std::ostream* out_;
  bool terminal_;
  std::string what_;
  std::string unit_;
  int64_t first_ = 0;
  int64_t total_ = 0;
  std::chrono::steady_clock::time_point begin_;
  double last_shown_ = 0;
  size_t shown_width_ = 0;
};

// "7 s", "3 min 20 s", "2 h 05 min".
std::string Duration(double seconds);

}  // namespace metaprompt

#endif  // EXPERIMENTS_HOST_PROGRESS_H_
