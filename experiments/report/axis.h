// The axis of a chart of accuracies.
#ifndef EXPERIMENTS_REPORT_AXIS_H_
#define EXPERIMENTS_REPORT_AXIS_H_

#include <vector>

namespace metaprompt {

// Accuracies are shares in [0, 1]. The ends are multiples of `step`, apart from 0 and 1.
struct Axis {
  double low = 0;
  double high = 1;
  double step = 0.2;

  // Where a share stands: 0 at the lower end, 1 at the upper end, and the nearer end if it is not on the axis.
  double Position(double share) const;
  // The multiples of `step`, from `low` to `high`.
  std::vector<double> Ticks() const;
};

// The shortest axis that holds [low, high], as far as that is within [0, 1]. Its step is the least of 0.005, 0.01,
// 0.02, 0.05, 0.1 and 0.2 that makes at most five steps of [low, high]. If both are the same multiple of a step, the
// axis has a step on either side.
Axis AxisOver(double low, double high);

}  // namespace metaprompt

#endif  // EXPERIMENTS_REPORT_AXIS_H_
