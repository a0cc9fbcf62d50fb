// Progress of long work: what is done, how far, how fast, how long it may take. On a terminal, one line that is
// overwritten; otherwise plain lines.
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
  // `terminal`: `out` is a terminal. If not, a plain line is printed every nine seconds at most.
  Progress(std::ostream* out, bool terminal) : out_(out), terminal_(terminal) {}
  ~Progress() { Clear(); }
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  // Begins work of `total` units, of which an earlier process has done `done`.
  void Begin(absl::string_view what, absl::string_view unit, int64_t done, int64_t total);
  // Shows how far the work is. `detail` is free text, such as the loss.
  void Update(int64_t done, absl::string_view detail);
  // Shows `text` as Update shows its line: what a long part of the work, such as a validation, is doing.
  void Part(absl::string_view text);
  // Ends the work with a line that stays.
  void End(absl::string_view summary);
  // Prints a line that stays.
  void Line(absl::string_view text);

 private:
  double Elapsed() const;
  // Whether the time has come for another line. If so, it counts from now.
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
