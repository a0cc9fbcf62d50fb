#include "experiments/report/axis.h"

#include <algorithm>
#include <cmath>

namespace metaprompt {
namespace {

// In steps. An end that is a multiple of the step stays so in spite of rounding errors.
constexpr double kSlack = 1e-6;

}  // namespace

double Axis::Position(double share) const { return std::clamp((share - low) / (high - low), 0.0, 1.0); }

std::vector<double> Axis::Ticks() const {
  std::vector<double> ticks;
  for (auto i = static_cast<int>(std::ceil(low / step - kSlack)); i * step <= high + kSlack * step; ++i) {
    ticks.push_back(i * step);
  }
  return ticks;
}

Axis AxisOver(double low, double high) {
  low = std::max(0.0, low);
  high = std::min(1.0, high);
  Axis axis;
  for (const double step : {0.1, 0.05, 0.02, 0.01, 0.005}) {
    if ((high - low) / step > 5 + kSlack) {
      break;
    }
    axis.step = step;
  }
  // A quotient of two whole numbers is the double nearest to the exact value; a product with the step may not be.
  const double steps = std::round(1 / axis.step);
  axis.low = std::max(0.0, std::floor(low * steps + kSlack) / steps);
  axis.high = std::min(1.0, std::ceil(high * steps - kSlack) / steps);
  if (axis.high - axis.low < axis.step / 2) {
    axis.low = std::max(0.0, axis.low - axis.step);
    axis.high = std::min(1.0, axis.high + axis.step);
  }
  return axis;
}

}  // namespace metaprompt
