// What, how far, how fast, how long still: one line that renews itself on a terminal, plain lines into a pipe.
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
  // `terminal`: `out` is one. Plain lines then come every few seconds.
  Progress(std::ostream* out, bool terminal) : out_(out), terminal_(terminal) {}
  ~Progress() { Clear(); }
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  // Begins work of `total` units, `done` of which an earlier process did.
  void Begin(absl::string_view what, absl::string_view unit, int64_t done, int64_t total);
  // Says where it stands. `detail` is free text, such as the loss.
  void Update(int64_t done, absl::string_view detail);
  // Ends the work with a lasting line.
  void End(absl::string_view summary);
  // A lasting line of its own.
  void Line(absl::string_view text);

 private:
  double Elapsed() const;
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
