#include "metaprompt/base/text.h"

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"

namespace metaprompt {

absl::Status CheckUtf8(absl::string_view text) {
  const auto byte = [&](size_t i) { return i < text.size() ? static_cast<unsigned char>(text[i]) : 0U; };
  for (size_t i = 0; i < text.size();) {
    const unsigned lead = byte(i);
    size_t length = 0;
    unsigned low = 0x80;
    unsigned high = 0xbf;  // bounds of the second byte
    if (lead < 0x80) {
      length = 1;
    } else if (lead >= 0xc2 && lead <= 0xdf) {
      length = 2;
    } else if (lead >= 0xe0 && lead <= 0xef) {
      length = 3;
      low = lead == 0xe0 ? 0xa0 : 0x80;   // no overlong form
      high = lead == 0xed ? 0x9f : 0xbf;  // no surrogate
    } else if (lead >= 0xf0 && lead <= 0xf4) {
      length = 4;
      low = lead == 0xf0 ? 0x90 : 0x80;
      high = lead == 0xf4 ? 0x8f : 0xbf;  // nothing past U+10FFFF
    }
    bool good = length > 0 && (length < 2 || (byte(i + 1) >= low && byte(i + 1) <= high));
    for (size_t k = 2; good && k < length; ++k) {
      good = byte(i + k) >= 0x80 && byte(i + k) <= 0xbf;
    }
    if (!good) {
      return absl::InvalidArgumentError(absl::StrCat("not valid UTF-8 at byte ", i + 1));
    }
    i += length;
  }
  return absl::OkStatus();
}

std::string Quoted(absl::string_view text) {
  constexpr size_t kMost = 40;
  const bool cut = text.size() > kMost;
  return absl::StrCat("'", absl::CHexEscape(text.substr(0, kMost)), cut ? "...'" : "'");
}

}  // namespace metaprompt
