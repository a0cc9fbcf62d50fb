// Stops a run after some lines of its progress.
#ifndef TESTS_HELPERS_STOP_AFTER_LINES_H_
#define TESTS_HELPERS_STOP_AFTER_LINES_H_

#include <atomic>
#include <streambuf>

namespace metaprompt {

// Sets a flag when the n-th line ends. Has no buffer, so that overflow() is called for each character.
class StopAfterLines : public std::streambuf {
 public:
  StopAfterLines(int lines, std::atomic<bool>* stop) : lines_(lines), stop_(stop) {}

 protected:
  int_type overflow(int_type c) override {
    if (c == '\n' && --lines_ == 0) {
      *stop_ = true;
    }
    return c;
  }

 private:
  int lines_;
  std::atomic<bool>* stop_;
};

}  // namespace metaprompt

#endif  // TESTS_HELPERS_STOP_AFTER_LINES_H_
