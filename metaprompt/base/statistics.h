// The mean of many episodes, and how sure it is.
#ifndef METAPROMPT_BASE_STATISTICS_H_
#define METAPROMPT_BASE_STATISTICS_H_

#include <cstdint>
#include <vector>

#include "absl/types/span.h"

namespace metaprompt {

struct MeanInterval {
  double mean = 0;
  double half_width = 0;      // of the 95 % interval: t · standard_error; 0 for a single value
  double standard_error = 0;  // s / √n, where s² has n - 1 below
  double freedom = 0;         // degrees of freedom; n - 1
};

// The quantile t(0.975, freedom) of Student's distribution: 95 % of it lies between -t and t. `freedom` >= 1 is rounded
// down; 12.7062 for 1, 2.2622 for 9, 1.9600 for infinitely many. Accurate to 10⁻¹².
double StudentQuantile(double freedom);

// The mean of independent values of one distribution, and its 95 % interval (Student 1908).
MeanInterval Interval(absl::Span<const double> values);

// The mean of independent means, each with the same weight. The degrees of freedom of its interval are those of Welch
// 1947 and Satterthwaite 1946, rounded down.
MeanInterval MeanOfMeans(const std::vector<MeanInterval>& means);

// A share of independent trials, and its 95 % interval (Wilson 1927): all within [0, 1].
struct ShareInterval {
  double share = 0;
  double low = 0;
  double high = 1;
};

// Of `hits` of `trials`. Without trials, nothing is known: 0 within [0, 1].
ShareInterval WilsonInterval(int64_t hits, int64_t trials);

// Standard deviation, with n - 1 below; 0 for fewer than two values.
double Deviation(absl::Span<const double> values);

}  // namespace metaprompt

#endif  // METAPROMPT_BASE_STATISTICS_H_
