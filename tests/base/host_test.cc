// What connects a run with its host: the choice of the BLAS kernel, progress lines, and the intervals that are printed.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "experiments/host/blas.h"
#include "experiments/host/environment.h"
#include "experiments/host/progress.h"
#include "experiments/result.pb.h"
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

TEST(BlasTest, AKernelNeedsTheProcessorsAbilities) {
  const std::string haswell = "sse4_2 avx avx2 fma";
  EXPECT_TRUE(ProcessorHasKernel("Haswell", haswell));
  EXPECT_TRUE(ProcessorHasKernel("HASWELL", haswell));
  EXPECT_TRUE(ProcessorHasKernel("Prescott", ""));
  EXPECT_FALSE(ProcessorHasKernel("Haswell", "sse4_2 avx avx2"));
  EXPECT_FALSE(ProcessorHasKernel("SkylakeX", haswell));
  EXPECT_TRUE(ProcessorHasKernel("SkylakeX", haswell + " avx512f avx512bw avx512vl"));
  EXPECT_FALSE(ProcessorHasKernel("Cooperlake", haswell + " avx512f avx512bw avx512vl"));
  EXPECT_FALSE(ProcessorHasKernel("neoversen1", haswell));
  EXPECT_FALSE(ProcessorHasKernel("", haswell));
}

TEST(EnvironmentTest, WhatNumbersDependOnIsCompared) {
  Environment before = HostEnvironment(2);
  Environment now = before;
  EXPECT_EQ(DifferentNumerics(before, now, true), "");
  now.set_host_cpu("another");
  now.set_threads(7);
  now.set_started("later");
  EXPECT_EQ(DifferentNumerics(before, now, true), "");
  before.set_blas("OpenBLAS 0.3.21 DYNAMIC_ARCH Haswell MAX_THREADS=64");
  before.set_blas_kernel("Haswell");
  before.set_cpu_flags("avx2 avx512_bf16 amx_bf16");
  now.set_blas("OpenBLAS 0.3.21 DYNAMIC_ARCH SkylakeX MAX_THREADS=64");
  now.set_blas_kernel("SkylakeX");
  now.set_cpu_flags("avx2 avx512_bf16");
  EXPECT_EQ(DifferentNumerics(before, now, false), "the BLAS kernel was Haswell and is SkylakeX");
  now.set_blas("OpenBLAS 0.3.29 DYNAMIC_ARCH SkylakeX MAX_THREADS=64");
  EXPECT_EQ(DifferentNumerics(before, now, true),
            "BLAS was OpenBLAS 0.3.21 and is OpenBLAS 0.3.29, the BLAS kernel was Haswell and is SkylakeX, the "
            "processor's set of bfloat16 instructions was avx512_bf16 amx_bf16 and is avx512_bf16");
  before.clear_blas_kernel();  // as in a file that was written when it was not known
  before.clear_blas();
  EXPECT_EQ(DifferentNumerics(before, now, false), "");
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

// Published tables of Student's distribution, and its closed forms for one and two degrees of freedom.
TEST(IntervalTest, StudentsQuantiles) {
  for (const auto& [freedom, quantile] : std::vector<std::pair<double, double>>{{1, 12.7062},
                                                                                {2, 4.3027},
                                                                                {3, 3.1824},
                                                                                {4, 2.7764},
                                                                                {9, 2.2622},
                                                                                {29, 2.0452},
                                                                                {120, 1.9799},
                                                                                {299, 1.9679}}) {
    EXPECT_NEAR(StudentQuantile(freedom), quantile, 5e-5) << freedom;
    EXPECT_EQ(StudentQuantile(freedom + 0.9), StudentQuantile(freedom)) << "rounded down";
  }
  EXPECT_NEAR(StudentQuantile(1), std::tan(0.475 * std::acos(-1.0)), 1e-11);
  EXPECT_NEAR(StudentQuantile(2), 0.95 * std::sqrt(2 / (1 - 0.95 * 0.95)), 1e-12);
  // The finite sum and the expansion agree where one replaces the other.
  EXPECT_NEAR(StudentQuantile(999), 1.962341461133, 1e-11);
  EXPECT_NEAR(StudentQuantile(1000), 1.962339080826, 1e-11);
  EXPECT_NEAR(StudentQuantile(std::numeric_limits<double>::infinity()), 1.959963984540, 1e-12);
}

TEST(IntervalTest, MeanAndHalfWidthByHand) {
  const MeanInterval interval = Interval({0.2, 0.4, 0.6, 0.8});
  EXPECT_DOUBLE_EQ(interval.mean, 0.5);
  // s² = (0.09 + 0.01 + 0.01 + 0.09) / 3
  EXPECT_NEAR(interval.standard_error, std::sqrt(0.2 / 3 / 4), 1e-15);
  EXPECT_NEAR(interval.half_width, 3.18244630528 * std::sqrt(0.2 / 3 / 4), 1e-11);
  EXPECT_NEAR(Interval({0.2, 0.4}).half_width, 12.7062047362 * 0.1, 1e-10);
  EXPECT_NEAR(Deviation({0.2, 0.4, 0.6, 0.8}), std::sqrt(0.2 / 3), 1e-15);
}

TEST(IntervalTest, MeansOfMeans) {
  // Two samples with the same spread: their degrees of freedom are added. One sample without spread: only those of the
  // other count.
  const MeanInterval wide = Interval({0.2, 0.4});
  const MeanInterval same = Interval({0.5, 0.5});
  const MeanInterval both = MeanOfMeans({wide, wide});
  EXPECT_DOUBLE_EQ(both.mean, 0.3);
  EXPECT_EQ(both.freedom, 2);
  EXPECT_NEAR(both.half_width, 4.30265272975 * 0.1 * std::sqrt(2.0) / 2, 1e-11);
  const MeanInterval one = MeanOfMeans({wide, same});
  EXPECT_DOUBLE_EQ(one.mean, 0.4);
  EXPECT_EQ(one.freedom, 1);
  EXPECT_NEAR(one.half_width, 12.7062047362 * 0.1 / 2, 1e-10);
  EXPECT_EQ(MeanOfMeans({same, same}).half_width, 0);
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
