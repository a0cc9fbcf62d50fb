// What readers of reports see: points are at the right positions of their axes, pages are well formed and escape all
// text, and labels are inside their drawing.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <optional>
#include <regex>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "experiments/report/axis.h"
#include "experiments/report/comparison.h"
#include "experiments/report/comparison_text.h"
#include "experiments/report/formats/class_results_html.h"
#include "experiments/report/formats/comparison_html.h"
#include "experiments/report/formats/report_charts.h"
#include "experiments/report/formats/report_format.h"
#include "experiments/report/percent.h"
#include "experiments/report/report.h"
#include "experiments/result.pb.h"

namespace metaprompt {
namespace {

using ::testing::AllOf;
using ::testing::DoubleNear;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

Estimate Of(double mean, double half_width) { return Estimate{mean, half_width, 1, 0}; }

// A row with one entry per column; a half width of -1 means that the entry is missing.
ReportRow Row(const std::string& run, const std::string& initialisation, const std::vector<Estimate>& accuracies) {
  ReportRow row;
  row.run = run;
  row.initialisation = initialisation;
  row.learner = "maml";
  row.adapts = "soft prompt";
  row.seeds = 1;
  for (const Estimate& one : accuracies) {
    row.accuracies.push_back(one.half_width < 0 ? std::optional<Estimate>() : one);
    row.differences.emplace_back();
  }
  return row;
}

Report WithRows(std::vector<ReportRow> rows) {
  Report report;
  report.columns = {ReportColumn{"news", 5, 1}};
  report.rows = std::move(rows);
  report.baseline = "the same run's first initialisation";
  return report;
}

// Half widths 0.005, 0.01 and 0.35: their median is 0.01, so the third is cut at 0.03 from its mean. The range from
// 0.67 to 0.94 in at most five steps gives 0.6 to 1 in steps of 0.1. Chance, 0.2, would take more than half of the
// axis.
Report LopsidedReport() {
  return WithRows({Row("a<b>", "pre-trained", {Of(0.905, 0.01)}), Row("a<b>", "meta-learned", {Of(0.935, 0.005)}),
                   Row("few episodes", "transferred", {Of(0.7, 0.35)})});
}

TEST(ComparisonTest, TheAxisHoldsTheMeansAndOrdinaryIntervals) {
  const Comparison chart = ComparisonOf(LopsidedReport(), 0);
  EXPECT_THAT(chart.axis.Ticks(), ElementsAre(DoubleNear(0.6, 1e-9), DoubleNear(0.7, 1e-9), DoubleNear(0.8, 1e-9),
                                              DoubleNear(0.9, 1e-9), DoubleNear(1, 1e-9)));
  EXPECT_NEAR(chart.axis.Position(0.905), 0.7625, 1e-9);
  EXPECT_EQ(chart.axis.Position(0.35), 0);
  EXPECT_EQ(chart.axis.Position(1.05), 1);
  EXPECT_FALSE(chart.shows_chance);
  EXPECT_FALSE(chart.baseline.has_value());

  // The range is 0.25 to 0.45; chance extends it to 0.2.
  Report low = WithRows({Row("a", "random", {Of(0.3, 0.05)}), Row("b", "random", {Of(0.4, 0.05)})});
  low.baseline_row = 1;
  const Comparison chance = ComparisonOf(low, 0);
  EXPECT_NEAR(chance.axis.low, 0.2, 1e-9);
  EXPECT_NEAR(chance.axis.high, 0.45, 1e-9);
  EXPECT_NEAR(chance.axis.step, 0.05, 1e-9);
  EXPECT_TRUE(chance.shows_chance);
  EXPECT_NEAR(*chance.baseline, 0.4, 1e-9);

  const Axis same = ComparisonOf(WithRows({Row("a", "random", {Of(0.5, 0)})}), 0).axis;
  EXPECT_NEAR(same.Position(0.5), 0.5, 1e-6) << "a single number has an axis around it";
  const Axis best = ComparisonOf(WithRows({Row("a", "random", {Of(1, 0)})}), 0).axis;
  EXPECT_NEAR(best.high, 1, 1e-9);
  EXPECT_LT(best.low, 1);
}

TEST(ComparisonTest, ThePageShowsEachPointAtItsPlace) {
  const Comparison chart = ComparisonOf(LopsidedReport(), 0);
  const std::string html = ComparisonHtml(chart);
  EXPECT_THAT(
      html,
      AllOf(
          HasSubstr("<title>a&lt;b&gt;, pre-trained: 90.50 ± 1.00 %</title>"),
          HasSubstr("<g class=\"start\"><line class=\"interval\" x1=\"73.75%\" x2=\"78.75%\" y1=\"50%\" y2=\"50%\"/>"),
          HasSubstr("<svg x=\"76.25%\" y=\"50%\"><path d=\"M-4.5 0a"), HasSubstr("<svg x=\"83.75%\" y=\"50%\">"),
          HasSubstr("<g class=\"moved\"><line class=\"interval\" x1=\"0.00%\" x2=\"100.00%\""),
          HasSubstr("<span class=\"value\">70.00 ± 35.00</span>"),
          HasSubstr("<text x=\"0.00%\" y=\"1em\" text-anchor=\"start\">60</text>"),
          HasSubstr("<text x=\"75.00%\" y=\"1em\" text-anchor=\"middle\">90</text>"),
          HasSubstr("<text x=\"100.00%\" y=\"1em\" text-anchor=\"end\">100</text>"), HasSubstr("chance is 20")));
  EXPECT_THAT(html, AllOf(HasSubstr("<svg x=\"0.00%\" y=\"50%\"><path d=\"M0 0l7 -4v8z\"/>"),
                          HasSubstr("<svg x=\"100.00%\" y=\"50%\"><path d=\"M0 0l-7 -4v8z\"/>")))
      << "an interval beyond the axis ends in arrowheads";
  EXPECT_THAT(ComparisonKey({chart}, ""),
              AllOf(HasSubstr("pre-trained"), HasSubstr("transferred"), Not(HasSubstr("chance"))));
  Report low = WithRows({Row("a", "random", {Of(0.3, 0.05)}), Row("b", "random", {Of(0.4, 0.05)})});
  low.baseline_row = 1;
  const Comparison lines = ComparisonOf(low, 0);
  EXPECT_THAT(ComparisonHtml(lines), AllOf(HasSubstr("<line class=\"chance\" x1=\"0.00%\" x2=\"0.00%\""),
                                           HasSubstr("<line class=\"baseline\" x1=\"80.00%\" x2=\"80.00%\"")));
  EXPECT_THAT(ComparisonKey({lines}, "b<i>"),
              AllOf(HasSubstr("> chance<"), HasSubstr("> b&lt;i&gt;<"), Not(HasSubstr("transferred"))));
}

// 41 columns of plot: one column is 0.01 of the axis from 0.6 to 1. 0.9 is in column 30, 0.93 in column 33.
TEST(ComparisonTest, ATerminalShowsThemIn80Columns) {
  Report report = LopsidedReport();
  report.rows[0].accuracies[0] = Of(0.9, 0.02);
  report.rows[1].accuracies[0] = Of(0.93, 0.01);
  EXPECT_EQ(ComparisonText(report),
            "mean accuracy in % and its 95 % interval\n"
            "o random or pre-trained, x transferred, * meta-learned\n"
            "\n"
            "news 5-way 1-shot\n"
            "  a<b>                                      --o--\n"
            "  a<b>                                          -*-\n"
            "  few episodes  <---------x----------------------------->\n"
            "                60       70        80        90       100\n");
  report.baseline_row = 1;
  report.baseline = "a<b>, meta-learned";
  report.rows[2].run = "x" + std::string(60, '_') + "\xe8\xb4\xa6\xe5\x8d\x95-seed1";
  const std::string text = ComparisonText(report);
  EXPECT_THAT(text, AllOf(HasSubstr("\n| a<b>, meta-learned\n"), HasSubstr("  --o--|"),
                          HasSubstr("\n  x______________...______\xe8\xb4\xa6\xe5\x8d\x95-seed1")));
}

TEST(ReportTablesTest, EachDataSetHasATableOfItsRows) {
  const Estimate none{0, -1, 0, 0};
  Report report;
  report.columns = {ReportColumn{"news", 5, 1}, ReportColumn{"news", 5, 5}, ReportColumn{"mail", 2, 1}};
  report.rows = {Row("a", "random", {Of(0.5, 0.01), Of(0.6, 0.01), none}),
                 Row("b", "random", {none, none, Of(0.7, 0.02)}), Row("c", "random", {Of(0.5, 0.1), none, none})};
  report.rows[2].seeds = 3;
  report.rows[2].accuracies[0]->seeds = 3;
  EXPECT_EQ(FormattedReport(report, "text"),
            "accuracy in %: mean over the seeds, ± 95 % interval over episodes\n"
            "σ: standard deviation of the seeds' own means\n"
            "\n"
            "news 5-way: learner maml; adapts soft prompt\n"
            "\n"
            "  run   initialisation   seeds                   1-shot         5-shot\n"
            "  a     random               1             50.00 ± 1.00   60.00 ± 1.00\n"
            "  c     random               3   50.00 ± 10.00 (σ 0.00)\n"
            "\n"
            "mail 2-way: learner maml; adapts soft prompt; 1 seed\n"
            "\n"
            "  run   initialisation         1-shot\n"
            "  b     random           70.00 ± 2.00\n");
  EXPECT_THAT(
      FormattedReport(report, "latex"),
      HasSubstr("run & learner & initialisation & what adapts & seeds & news 5-way 1-shot & news 5-way 5-shot & "
                "mail 2-way 1-shot \\\\\n"));
}

// Two seeds with a curve that begins at meta-step 10, and the test classes a<b and c_d.
SeedGroup TrainedGroup() {
  SeedGroup group;
  group.name = "<run>";
  for (int seed = 0; seed < 2; ++seed) {
    ReportedRun run;
    run.path = absl::StrCat("runs/<", seed, ">");
    run.record.mutable_spec()->set_seed(static_cast<uint64_t>(seed));
    ShotResult* result = run.record.add_results();
    result->set_shots(1);
    for (int i = 1; i < 3; ++i) {
      CurvePoint* point = result->add_curve();
      point->set_meta_step(10 * i);
      point->set_valid_accuracy(0.3 + 0.1 * i);
      point->set_valid_half_width(0.05);
      point->set_query_accuracy(0.25);
    }
    for (const char* initialisation : {"random", "meta-learned"}) {
      Evaluation* test = result->add_tests();
      test->set_initialisation(initialisation);
      for (const float accuracy : {0.55F, 0.75F, 1.0F}) {
        test->add_accuracies(accuracy);
      }
      ClassResult* first = test->add_classes();
      first->set_label("a<b");
      first->add_taken_for(3);
      first->add_taken_for(1);
      ClassResult* second = test->add_classes();
      second->set_label("c_d");
      second->add_taken_for(0);
      second->add_taken_for(4);
    }
    group.runs.push_back(std::move(run));
  }
  return group;
}

// Expects that each label, with an estimate of its width, is between 0 and the width of the drawing.
void ExpectLabelsInside(const std::string& html) {
  const std::regex label("<text x=\"([0-9.]+)\" y=\"[0-9.]+\" text-anchor=\"([a-z]+)\">([^<]*)</text>");
  int labels = 0;
  for (std::sregex_iterator at(html.begin(), html.end(), label); at != std::sregex_iterator(); ++at) {
    const double x = std::stod((*at)[1]);
    const double width = 6.6 * static_cast<double>((*at)[3].length());  // of an 11 pixel font
    const double left = (*at)[2] == "middle" ? x - width / 2 : (*at)[2] == "end" ? x - width : x;
    EXPECT_GE(left, 0) << at->str();
    EXPECT_LE(left + width, 300) << at->str();
    ++labels;
  }
  EXPECT_GT(labels, 6);
}

// From 0.25 (of the queries) to 0.55 (an interval's end): the axis is 0.2 to 0.6, 137 units high above y = 147. The
// steps 0 to 20 are 240 units wide, right of x = 42.
TEST(ReportChartsTest, LinesStandWhereTheirAxesPutThem) {
  SeedGroup group = TrainedGroup();
  const std::string curve = CurveChart(group, 1);
  EXPECT_THAT(curve, AllOf(HasSubstr("viewBox=\"0 0 300 185\""), HasSubstr("<path d=\"M162.0 78.5L282.0 44.2\""),
                           HasSubstr(">60 %</text>"), HasSubstr("text-anchor=\"middle\">20</text>"),
                           HasSubstr("<desc>last validation: 50 % at meta-step 20, 50 % at meta-step 20</desc>")));
  ExpectLabelsInside(curve);
  // The axis has the right half of the bins of 5 %: 0.55 is in the second one.
  const std::string episodes = EpisodeChart(group, 1);
  EXPECT_THAT(episodes, AllOf(HasSubstr("M42.0 147.0L42.0 147.0L66.0 147.0L66.0 32.8L90.0 32.8"),
                              HasSubstr("text-anchor=\"middle\">50 %</text>"), HasSubstr("stroke-dasharray=\"5 3\""),
                              HasSubstr("<desc>mean: random 76.7 %, meta-learned 76.7 %</desc>")));
  ExpectLabelsInside(episodes);
  group.runs[0].record.mutable_results(0)->mutable_tests(0)->set_accuracies(0, 0.1F);
  EXPECT_THAT(EpisodeChart(group, 1), HasSubstr("text-anchor=\"middle\">0 %</text>"));
  for (ReportedRun& run : group.runs) {
    run.record.mutable_results(0)->mutable_curve()->Clear();
    run.record.mutable_results(0)->add_curve()->set_valid_accuracy(0.5);
  }
  EXPECT_EQ(CurveChart(group, 1), "") << "nothing was trained";
}

// Expects that elements are closed in the opposite order of being opened.
void ExpectWellFormed(const std::string& html) {
  const std::regex tag("<(/?)([a-z0-9]+)[^<>]*?(/?)>");
  std::vector<std::string> open;
  const std::string body = html.substr(html.find("</style>"));
  for (std::sregex_iterator at(body.begin(), body.end(), tag); at != std::sregex_iterator(); ++at) {
    const std::string name = (*at)[2];
    if (at->position() == 0 || (*at)[3] == "/" || name == "br" || name == "wbr") {
      continue;
    }
    if ((*at)[1] == "/") {
      ASSERT_FALSE(open.empty() && name != "head" && name != "html") << name;
      if (!open.empty()) {
        ASSERT_EQ(open.back(), name) << body.substr(static_cast<size_t>(at->position()), 60);
        open.pop_back();
      }
    } else {
      open.push_back(name);
    }
  }
  EXPECT_THAT(open, ElementsAre());
}

TEST(ReportPageTest, ThePageIsWellFormedAndEscaped) {
  Report report = LopsidedReport();
  report.groups = {TrainedGroup()};
  report.notes = {"5 < 6"};
  const std::string page = FormattedReport(report, "html");
  ExpectWellFormed(page);
  EXPECT_THAT(page, AllOf(HasSubstr("<h2>news 5-way: learner maml; adapts soft prompt; 1 seed</h2>"),
                          HasSubstr("<details class=\"run\" open><summary><h3>&lt;run&gt;</h3></summary>"),
                          HasSubstr("runs/&lt;1&gt;, seed 1"), HasSubstr("<li>5 &lt; 6</li>"),
                          HasSubstr("<td class=\"n\"><span>90.50 ± 1.00</span></td>"), HasSubstr("class=\"compare\"")));
  EXPECT_THAT(page, AllOf(Not(HasSubstr("<run>")), Not(HasSubstr("a<b")), Not(HasSubstr("<script"))));
  // Each table is in a box that scrolls, so that the page never scrolls sideways.
  size_t boxes = 0;
  size_t tables = 0;
  for (size_t at = page.find("<table>"); at != std::string::npos; at = page.find("<table>", at + 1)) {
    ++tables;
    boxes += page.rfind("tabindex=\"0\">", at) == at - 13 ? 1 : 0;
  }
  EXPECT_EQ(tables, 3);
  EXPECT_EQ(boxes, tables);
  // If there are many runs, their sections are folded.
  report.groups.resize(4, report.groups[0]);
  EXPECT_THAT(FormattedReport(report, "html"), Not(HasSubstr("class=\"run\" open")));
}

TEST(ReportPageTest, ClassesAreATableAndAMatrix) {
  SeedGroup group = TrainedGroup();
  const std::string html = ClassResultsHtml(group);
  EXPECT_THAT(
      html, AllOf(HasSubstr("<summary>1-shot, meta-learned: each test class, over 16 query texts</summary>"),
                  HasSubstr("<tr><th scope=\"row\">1&nbsp;a&lt;b</th><td class=\"n\">8</td><td class=\"n\">6</td>"
                            "<td class=\"n\">100.0</td><td class=\"n\">75.0</td><td class=\"n\">85.7</td>"
                            "<td>c_<wbr>d (2)</td></tr>"),
                  HasSubstr("<th scope=\"row\">1&nbsp;a&lt;b</th><td style=\"background:rgba(68,119,170,0.45)\">6</td>"
                            "<td style=\"background:rgba(204,85,68,0.15)\">2</td></tr>"),
                  HasSubstr("<th scope=\"row\">2&nbsp;c_<wbr>d</th><td class=\"zero\">·</td>")));
  group.pictures = ClassPictures{ImageShape{1, 1, 1}, {{"a<b", {"\7"}}}};
  EXPECT_THAT(ClassResultsHtml(group),
              AllOf(HasSubstr("<th scope=\"col\">class</th><th scope=\"col\">images</th>"),
                    HasSubstr("<th scope=\"row\">1&nbsp;a&lt;b</th><td><img alt=\"\" width=\"1\" height=\"1\""),
                    HasSubstr("<th scope=\"row\">2&nbsp;c_<wbr>d</th><td></td>")));
  for (ReportedRun& run : group.runs) {
    for (Evaluation& test : *run.record.mutable_results(0)->mutable_tests()) {
      test.clear_classes();
    }
  }
  EXPECT_EQ(ClassResultsHtml(group), "") << "records of earlier versions";
}

TEST(PercentTest, WhatIsRoundedToZeroHasNoMinus) {
  EXPECT_EQ(PercentInterval(0.7, 0.0125, false), "70.00 ± 1.25");
  EXPECT_EQ(PercentInterval(-0.00004, 0.01, true), "+0.00 ± 1.00");
  EXPECT_EQ(PercentInterval(-0.00004, 0.01, false), "0.00 ± 1.00");
  EXPECT_EQ(PercentInterval(-0.001, 0.01, true), "-0.10 ± 1.00");
}

TEST(AxisTest, EndsAreMultiplesOfTheStep) {
  const auto expect = [](double low, double high, const Axis& expected) {
    const Axis axis = AxisOver(low, high);
    EXPECT_NEAR(axis.low, expected.low, 1e-9) << low << " to " << high;
    EXPECT_NEAR(axis.high, expected.high, 1e-9) << low << " to " << high;
    EXPECT_EQ(axis.step, expected.step) << low << " to " << high;
  };
  expect(0.7F, 0.9F, {0.7, 0.9, 0.05});  // a float is a little less or more than the tenth
  expect(0.31, 0.58, {0.3, 0.6, 0.1});
  expect(-0.1, 1.2, {0, 1, 0.2});
  expect(0.5, 0.5, {0.495, 0.505, 0.005});
  expect(1, 1, {0.995, 1, 0.005});
  EXPECT_THAT(AxisOver(0.7, 0.8).Ticks(), testing::SizeIs(6));
}

}  // namespace
}  // namespace metaprompt
