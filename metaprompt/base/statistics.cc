#include "metaprompt/base/statistics.h"

#include <algorithm>
#include <cmath>
#include <cstdint>

namespace metaprompt {
namespace {

constexpr double kPi = 3.14159265358979323846;
constexpr double kNormalQuantile = 1.95996398454005423552;  // the quantile 0.975 of the normal distribution
constexpr int64_t kManyDegrees = 1000;

// The probability of |T| <= t with n degrees of freedom, by the finite sums of Abramowitz and Stegun 1964, 26.7.3 and
// 26.7.4. Takes O(n) time.
double StudentWithin(double t, int64_t n) {
  const double theta = std::atan(t / std::sqrt(static_cast<double>(n)));
  const double cosine = std::cos(theta);
  const bool odd = n % 2 == 1;
  double term = odd ? cosine : 1;
  double sum = n == 1 ? 0 : term;
  for (int64_t k = odd ? 3 : 2; k < n; k += 2) {
    term *= cosine * cosine * static_cast<double>(k - 1) / static_cast<double>(k);
    sum += term;
  }
  return odd ? 2 / kPi * (theta + std::sin(theta) * sum) : std::sin(theta) * sum;
}

// Twice the density at t, which is the derivative of StudentWithin.
double TwiceDensity(double t, int64_t n) {
  const auto v = static_cast<double>(n);
  const double gammas = std::lgamma((v + 1) / 2) - std::lgamma(v / 2);
  return 2 * std::exp(gammas - (v + 1) / 2 * std::log1p(t * t / v)) / std::sqrt(v * kPi);
}

// The quantile for many degrees of freedom, by the expansion around the normal quantile (Abramowitz and Stegun 1964,
// 26.7.5). The first omitted term is less than 10⁻¹³.
double ExpandedQuantile(double v) {
  const double x = kNormalQuantile;
  const double x2 = x * x;
  const double g1 = x * (x2 + 1) / 4;
  const double g2 = x * ((5 * x2 + 16) * x2 + 3) / 96;
  const double g3 = x * (((3 * x2 + 19) * x2 + 17) * x2 - 15) / 384;
  const double g4 = x * ((((79 * x2 + 776) * x2 + 1482) * x2 - 1920) * x2 - 945) / 92160;
  return x + (g1 + (g2 + (g3 + g4 / v) / v) / v) / v;
}

}  // namespace

double StudentQuantile(double freedom) {
  if (freedom >= static_cast<double>(kManyDegrees)) {
    return std::isinf(freedom) ? kNormalQuantile : ExpandedQuantile(std::floor(freedom));
  }
  const auto n = static_cast<int64_t>(std::max(1.0, freedom));
  // StudentWithin is increasing and concave, so Newton's method from below approaches the root and never passes it.
  double t = kNormalQuantile;
  for (int i = 0; i < 100; ++i) {
    const double step = (0.95 - StudentWithin(t, n)) / TwiceDensity(t, n);
    t += step;
    if (step < 1e-14 * t) {
      break;
    }
  }
  return t;
}

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
    interval.freedom = n - 1;
    interval.standard_error = std::sqrt(squares / (n - 1.0) / n);
    interval.half_width = StudentQuantile(interval.freedom) * interval.standard_error;
  }
  return interval;
}

MeanInterval MeanOfMeans(const std::vector<MeanInterval>& means) {
  MeanInterval mean;
  double variance = 0;  // variance of the sum of the means
  double below = 0;
  for (const MeanInterval& one : means) {
    mean.mean += one.mean / static_cast<double>(means.size());
    const double square = one.standard_error * one.standard_error;
    variance += square;
    below += one.freedom > 0 ? square * square / one.freedom : 0;
  }
  if (below > 0) {
    // Rounding errors may make a whole number slightly too small.
    mean.freedom = std::floor(variance * variance / below * (1 + 1e-12));
    mean.standard_error = std::sqrt(variance) / static_cast<double>(means.size());
    mean.half_width = StudentQuantile(mean.freedom) * mean.standard_error;
  }
  return mean;
}

ShareInterval WilsonInterval(int64_t hits, int64_t trials) {
  if (trials == 0) {
    return {};
  }
  const auto n = static_cast<double>(trials);
  const double z = kNormalQuantile;
  const double share = static_cast<double>(hits) / n;
  const double middle = (share + z * z / (2 * n)) / (1 + z * z / n);
  const double half = z / (1 + z * z / n) * std::sqrt(share * (1 - share) / n + z * z / (4 * n * n));
  return {share, std::max(0.0, middle - half), std::min(1.0, middle + half)};
}

double Deviation(absl::Span<const double> values) {
  return Interval(values).standard_error * std::sqrt(static_cast<double>(values.size()));
}

}  // namespace metaprompt
