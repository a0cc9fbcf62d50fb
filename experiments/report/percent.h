// Accuracies and their differences as reports print them: in percent, with two digits after the point.
#ifndef EXPERIMENTS_REPORT_PERCENT_H_
#define EXPERIMENTS_REPORT_PERCENT_H_

#include <string>

namespace metaprompt {

// "71.20 ± 0.85", of shares. `with_sign`: a + before numbers that do not begin with a -. What is rounded to zero has no
// minus sign.
std::string PercentInterval(double mean, double half_width, bool with_sign);

}  // namespace metaprompt

#endif  // EXPERIMENTS_REPORT_PERCENT_H_
