#include "metaprompt/base/statistics.h"

#include <cmath>

namespace metaprompt {

MeanInterval Interval(absl::Span<const double> values) {
  MeanInterval interval;
  const auto n = static_cast<double>(values.size());
  for (const double value : values) {
    interval.mean += value / n;
  }
  double squares = 0;
  for (const double value : values) {
    squares += (value - interval.mean) * (value - interval.mean);
  }
  if (values.size() > 1) {
    interval.half_width = 1.96 * std::sqrt(squares / (n - 1.0) / n);
  }
  return interval;
}

}  // namespace metaprompt
