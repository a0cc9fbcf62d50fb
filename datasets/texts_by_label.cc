#include "datasets/texts_by_label.h"

namespace metaprompt {

std::string CollapseBlanks(absl::string_view text) {
  std::string out;
  out.reserve(text.size());
  bool blank_before = false;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte <= 0x20 || byte == 0x7f) {
      blank_before = !out.empty();
      continue;
    }
    if (blank_before) {
      out.push_back(' ');
      blank_before = false;
    }
    out.push_back(c);
  }
  return out;
}

}  // namespace metaprompt
