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

  // The position of a share: 0 at the lower end, 1 at the upper end. A share beyond the axis has the position of the
  // nearer end.
  double Position(double share) const;
  // The multiples of `step`, from `low` to `high`.
  std::vector<double> Ticks() const;
};

// The shortest axis that covers the part of [low, high] within [0, 1]. Its step is the smallest of 0.005, 0.01, 0.02,
// 0.05, 0.1 and 0.2 that divides [low, high] into at most five steps. If `low` and `high` are the same multiple of the
// step, the axis extends one step to either side.
Axis AxisOver(double low, double high);

}  // namespace metaprompt

#endif  // EXPERIMENTS_REPORT_AXIS_H_
