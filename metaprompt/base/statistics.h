// Means and shares with their 95 % confidence intervals.
#ifndef METAPROMPT_BASE_STATISTICS_H_
#define METAPROMPT_BASE_STATISTICS_H_

#include <cstdint>
#include <vector>

#include "absl/types/span.h"

namespace metaprompt {

struct MeanInterval {
  double mean = 0;
  double half_width = 0;      // of the 95 % confidence interval: t · standard_error; 0 for a single value
  double standard_error = 0;  // s / √n, where s² is divided by n - 1
  double freedom = 0;         // degrees of freedom, n - 1
};

// The quantile t(0.975, freedom) of Student's distribution: 95 % of it lies between -t and t. `freedom` >= 1 is rounded
// down; 12.7062 for 1, 2.2622 for 9, 1.9600 for infinitely many. Accurate to 10⁻¹².
double StudentQuantile(double freedom);

// The mean of independent values from one distribution, and its 95 % confidence interval (Student 1908).
MeanInterval Interval(absl::Span<const double> values);

// The mean of independent means, each with the same weight. The degrees of freedom of its interval are those of Welch
// 1947 and Satterthwaite 1946, rounded down.
MeanInterval MeanOfMeans(const std::vector<MeanInterval>& means);

// A share of independent trials, and its 95 % confidence interval (Wilson 1927). All are in [0, 1].
struct ShareInterval {
  double share = 0;
  double low = 0;
  double high = 1;
};

// The share of `hits` among `trials`. Without trials, the share is 0 and the interval is [0, 1].
ShareInterval WilsonInterval(int64_t hits, int64_t trials);

// The standard deviation, with the divisor n - 1; 0 for fewer than two values.
double Deviation(absl::Span<const double> values);

}  // namespace metaprompt

#endif  // METAPROMPT_BASE_STATISTICS_H_
