// The mean of many episodes, and how sure it is.
#ifndef METAPROMPT_BASE_STATISTICS_H_
#define METAPROMPT_BASE_STATISTICS_H_

#include "absl/types/span.h"

namespace metaprompt {

struct MeanInterval {
  double mean = 0;
  double half_width = 0;  // 1.96 s / √n; 0 for a single value
};

// The mean and its 95 % interval, normal approximation.
MeanInterval Interval(absl::Span<const double> values);

}  // namespace metaprompt

#endif  // METAPROMPT_BASE_STATISTICS_H_
