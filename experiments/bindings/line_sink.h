// A stream buffer that passes each line of progress to a function.
#ifndef EXPERIMENTS_BINDINGS_LINE_SINK_H_
#define EXPERIMENTS_BINDINGS_LINE_SINK_H_

#include <functional>
#include <streambuf>
#include <string>
#include <utility>

namespace metaprompt {

// Takes what Progress writes to a terminal and passes it on as lines. `stays` is true for a complete line, and false
// for a line that the next one replaces.
class LineSink : public std::streambuf {
 public:
  using Show = std::function<void(const std::string& line, bool stays)>;

  explicit LineSink(Show show) : show_(std::move(show)) {}

 private:
  int_type overflow(int_type c) override;
  int sync() override;  // a line that was flushed before its end: it does not stay
  void Hand(bool stays);

  Show show_;
  std::string line_;
};

}  // namespace metaprompt

#endif  // EXPERIMENTS_BINDINGS_LINE_SINK_H_
