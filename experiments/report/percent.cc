#include "experiments/report/percent.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"

namespace metaprompt {

std::string PercentInterval(double mean, double half_width, bool with_sign) {
  std::string text = absl::StrFormat("%.2f", 100 * mean);
  text = text == "-0.00" ? "0.00" : text;
  return absl::StrCat(with_sign && text[0] != '-' ? "+" : "", text, absl::StrFormat(" ± %.2f", 100 * half_width));
}

}  // namespace metaprompt
