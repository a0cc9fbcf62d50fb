// What stands between a run and its host: the choice of BLAS kernel, progress lines, and the interval that is printed.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <sstream>
#include <string>
#include <vector>

#include "experiments/host/blas.h"
#include "experiments/host/progress.h"
#include "metaprompt/base/statistics.h"

namespace metaprompt {
namespace {

using ::testing::EndsWith;
using ::testing::StartsWith;

TEST(BlasTest, OldKernelsGiveWayToWhatTheProcessorCanDo) {
  EXPECT_EQ(BetterKernel("Prescott", true, true), "SKYLAKEX");
  EXPECT_EQ(BetterKernel("Prescott", true, false), "HASWELL");
  EXPECT_EQ(BetterKernel("Prescott", false, false), "") << "an old processor keeps its kernel";
  EXPECT_EQ(BetterKernel("Sandybridge", true, false), "HASWELL");
}

TEST(BlasTest, NewKernelsAndOtherLibrariesAreLeftAlone) {
  for (const char* kernel : {"Haswell", "SkylakeX", "Cooperlake", "Zen", "neoversen1", ""}) {
    EXPECT_EQ(BetterKernel(kernel, true, true), "") << kernel;
  }
}

TEST(BlasTest, InfoIsNeverEmpty) {
  const BlasInfo info = GetBlasInfo();
  EXPECT_NE(info.library, "");
  EXPECT_NE(info.chosen_by, "");
}

TEST(ProgressTest, DurationsRoundToTheirUnits) {
  EXPECT_EQ(Duration(0), "0 s");
  EXPECT_EQ(Duration(7.4), "7 s");
  EXPECT_EQ(Duration(59.4), "59 s");
  EXPECT_EQ(Duration(59.5), "1 min 00 s");
  EXPECT_EQ(Duration(200), "3 min 20 s");
  EXPECT_EQ(Duration(3599.5), "1 h 00 min");
  EXPECT_EQ(Duration(7500), "2 h 05 min");
}

TEST(ProgressTest, PipeGetsLastingLinesAlone) {
  std::ostringstream out;
  {
    Progress progress(&out, /*terminal=*/false);
    progress.Begin("training", "steps", 0, 4);
    progress.Update(1, "loss 0.5");  // too soon for a plain line
    progress.Line("  a line");
    progress.End("4 steps");
  }
  EXPECT_EQ(out.str(), "  a line\ntraining: 4 steps (0 s)\n");
}

TEST(ProgressTest, TerminalLineRenewsItselfAndLeavesNothing) {
  std::ostringstream out;
  {
    Progress progress(&out, /*terminal=*/true);
    progress.Begin("training", "steps", 0, 4);
    progress.Update(1, "loss 0.5");
    EXPECT_THAT(out.str(), StartsWith("\rtraining: 1/4 steps, loss 0.5, "));
    EXPECT_THAT(out.str(), EndsWith(" left"));
    const std::string shown = out.str();
    progress.Line("note");
    const std::string blanks(shown.size() - 1, ' ');
    EXPECT_EQ(out.str(), shown + '\r' + blanks + "\rnote\n");
    out.str("");
    progress.Begin("testing", "episodes", 0, 2);
    progress.Update(0, "");
    EXPECT_EQ(out.str(), "\rtesting: 0/2 episodes");
    out.str("");
  }
  EXPECT_EQ(out.str(), '\r' + std::string(21, ' ') + '\r') << "an error that follows would share the line";
}

TEST(IntervalTest, MeanAndHalfWidthByHand) {
  const MeanInterval interval = Interval({0.2, 0.4, 0.6, 0.8});
  EXPECT_DOUBLE_EQ(interval.mean, 0.5);
  // s² = (0.09 + 0.01 + 0.01 + 0.09) / 3
  EXPECT_NEAR(interval.half_width, 1.96 * std::sqrt(0.2 / 3 / 4), 1e-15);
}

TEST(IntervalTest, FewOrEqualValuesHaveNoWidth) {
  EXPECT_EQ(Interval({}).mean, 0);
  EXPECT_EQ(Interval({}).half_width, 0);
  EXPECT_EQ(Interval({0.7}).mean, 0.7);
  EXPECT_EQ(Interval({0.7}).half_width, 0);
  EXPECT_EQ(Interval({0.5, 0.5, 0.5, 0.5}).half_width, 0);
}

}  // namespace
}  // namespace metaprompt
