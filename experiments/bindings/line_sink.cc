#include "experiments/bindings/line_sink.h"

#include "absl/strings/ascii.h"

namespace metaprompt {

void LineSink::Hand(bool stays) {
  absl::StripTrailingAsciiWhitespace(&line_);
  if (stays || !line_.empty()) {
    show_(line_, stays);
  }
  line_.clear();
}

LineSink::int_type LineSink::overflow(int_type c) {
  if (c == '\n') {
    Hand(/*stays=*/true);
  } else if (c == '\r') {
    line_.clear();
  } else if (c != traits_type::eof()) {
    line_.push_back(traits_type::to_char_type(c));
  }
  return traits_type::not_eof(c);
}

int LineSink::sync() {
  Hand(/*stays=*/false);
  return 0;
}

}  // namespace metaprompt
