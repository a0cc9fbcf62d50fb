// Several runs in one table: its numbers are computed by hand from the definitions, in each format, and notes name the
// runs that cannot be compared.
#include "experiments/report/report.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "experiments/report/formats/report_format.h"
#include "experiments/report/report_spread.h"
#include "experiments/report/reported_runs.h"
#include "experiments/result.pb.h"
#include "metaprompt/base/files.h"
#include "metaprompt/base/statistics.h"
#include "metaprompt/specs/spec_fields.h"

namespace metaprompt {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

// The parts of a record that tests vary.
struct Hand {
  std::string name = "maml";
  uint64_t seed = 0;
  std::string dataset = "words.tsv";
  std::string sha256 = "aaaaaaaaaaaaaaaa";
  std::string manifest;
  std::vector<float> random;
  std::vector<float> learned;  // empty: there is none
  double wall_seconds = 0;     // 0: no environment.textproto
  std::string spec = "learner { maml { } inner { class_lr: 0.1 encoder_lr: 0 prompt_lr: 0 } }";
};

Evaluation Evaluated(const std::string& initialisation, const std::vector<float>& accuracies) {
  Evaluation test;
  test.set_initialisation(initialisation);
  double mean = 0;
  for (const float accuracy : accuracies) {
    test.add_accuracies(accuracy);
    mean += static_cast<double>(accuracy) / static_cast<double>(accuracies.size());
  }
  double squares = 0;
  for (const float accuracy : accuracies) {
    squares += (accuracy - mean) * (accuracy - mean);
  }
  const auto n = static_cast<double>(accuracies.size());
  test.set_mean_accuracy(mean);
  test.set_half_width(StudentQuantile(n - 1) * std::sqrt(squares / (n - 1)) / std::sqrt(n));
  return test;
}

class ReportTest : public testing::Test {
 protected:
  void SetUp() override {
    folder_ = absl::StrCat(testing::TempDir(), "/", testing::UnitTest::GetInstance()->current_test_info()->name(), "/");
    std::filesystem::remove_all(folder_);
    std::filesystem::create_directories(folder_);
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  // Writes the run and returns its directory.
  std::string Write(const std::string& directory, const Hand& hand) const {
    RunRecord record;
    record.set_version(1);
    EXPECT_TRUE(ParseSpec(hand.spec, "spec", record.mutable_spec()).ok());
    ExperimentSpec& spec = *record.mutable_spec();
    spec.set_name(hand.name);
    spec.set_seed(hand.seed);
    spec.mutable_episodes()->set_ways(5);
    spec.mutable_episodes()->set_queries(2);
    spec.mutable_episodes()->add_shots(1);
    spec.mutable_dataset()->mutable_tsv()->set_path("words.tsv");
    spec.mutable_model()->mutable_encoder()->mutable_bert();
    spec.mutable_test()->set_episodes(static_cast<int>(hand.random.size()));
    record.mutable_dataset()->set_name(hand.dataset);
    record.mutable_dataset()->set_content_sha256(hand.sha256);
    record.mutable_dataset()->set_texts(100);
    record.mutable_model()->set_architecture("bert");
    record.mutable_model()->set_encoder_parameters(1000);
    if (!hand.manifest.empty()) {
      record.set_manifest_sha256(hand.manifest);
    }
    ShotResult* result = record.add_results();
    result->set_shots(1);
    *result->add_tests() = Evaluated("random", hand.random);
    if (!hand.learned.empty()) {
      *result->add_tests() = Evaluated("meta-learned", hand.learned);
      for (int i = 0; i < 3; ++i) {
        CurvePoint* point = result->add_curve();
        point->set_meta_step(10 * i);
        point->set_valid_accuracy(0.3 + 0.1 * i);
        point->set_valid_half_width(0.05);
        if (i > 0) {
          point->set_query_accuracy(0.4);
        }
      }
    }
    std::string path = folder_ + directory;
    std::filesystem::create_directories(path);
    EXPECT_TRUE(WriteFileAtomically(path + "/record.textproto", SpecText(record)).ok());
    if (hand.wall_seconds > 0) {
      Environment environment;
      environment.set_wall_seconds(hand.wall_seconds);
      EXPECT_TRUE(WriteFileAtomically(path + "/environment.textproto", SpecText(environment)).ok());
    }
    return path;
  }

  Report Joined(const std::vector<std::string>& paths, const std::string& baseline = "") const {
    absl::StatusOr<std::vector<ReportedRun>> runs = ReadRuns(paths);
    EXPECT_TRUE(runs.ok()) << runs.status();
    absl::StatusOr<Report> report = JoinRuns(*std::move(runs), baseline);
    EXPECT_TRUE(report.ok()) << report.status();
    return report.ok() ? *std::move(report) : Report();
  }

  std::string Error(const std::vector<std::string>& paths, const std::string& baseline = "") const {
    absl::StatusOr<std::vector<ReportedRun>> runs = ReadRuns(paths);
    const absl::Status status = runs.ok() ? JoinRuns(*std::move(runs), baseline).status() : runs.status();
    return absl::StrReplaceAll(std::string(status.message()), {{folder_, "$"}});
  }

  std::string folder_;
};

// Seeds 0 and 1, whose episodes differ, and a linear probe of seed 0.
//   random        (0.2 0.4) (0.4 0.4): means 0.3 and 0.4, standard errors 0.1 and 0
//   meta-learned  (0.6 0.8) (0.6 1.0): means 0.7 and 0.8, standard errors 0.1 and 0.2
//   difference    (0.4 0.4) (0.2 0.6): means 0.4 and 0.4, standard errors 0 and 0.2
// Each interval has one degree of freedom (for meta-learned 1.47, rounded down).
class JoinedSeedsTest : public ReportTest {
 protected:
  std::vector<std::string> Paths() const {
    Hand first;
    first.random = {0.2F, 0.4F};
    first.learned = {0.6F, 0.8F};
    first.wall_seconds = 60;
    Hand second = first;
    second.seed = 1;
    second.random = {0.4F, 0.4F};
    second.learned = {0.6F, 1.0F};
    second.wall_seconds = 120;
    second.spec += " threads: 2";
    Hand probe;
    probe.name = "probe";
    probe.random = {0.5F, 0.5F};
    probe.spec = "learner { linear_probe { } } train { meta_steps: 0 }";
    return {Write("b", second), Write("a", first), Write("probe", probe)};
  }
};

// All seeds may start from one run, with any name of its folder, or each seed from a different run.
TEST_F(JoinedSeedsTest, SeedsMayBeginFromRunsOfTheirOwn) {
  const auto rows = [&](const std::vector<std::string>& starts) {
    std::vector<std::string> paths;
    for (size_t seed = 0; seed < starts.size(); ++seed) {
      Hand run;
      run.seed = seed;
      run.random = {0.2F, 0.4F};
      run.spec += absl::StrCat(" model { init_from_run: '", starts[seed], "' }");
      paths.push_back(Write(absl::StrCat("from-", seed), run));
    }
    return Joined(paths).rows.size();
  };
  EXPECT_EQ(rows({"runs/x-seed0", "runs/x-seed0", "runs/x-seed0"}), 1);
  EXPECT_EQ(rows({"runs/x-seed0", "runs/x-seed1/"}), 1);
  EXPECT_EQ(rows({"runs/x-seed0", "runs/y-seed1"}), 2);
  EXPECT_EQ(rows({"runs/x-seed1", "runs/x-seed0"}), 2);
}

TEST_F(JoinedSeedsTest, NumbersAreThoseOfTheDefinitions) {
  const Report report = Joined(Paths());
  ASSERT_EQ(report.groups.size(), 2);
  EXPECT_EQ(report.groups[0].runs[0].record.spec().seed(), 0) << "seeds in order";
  ASSERT_EQ(report.rows.size(), 3);
  ASSERT_EQ(report.columns.size(), 1);
  EXPECT_EQ(ColumnTitle(report.columns[0]), "words.tsv 5-way 1-shot");
  const Estimate& random = *report.rows[0].accuracies[0];
  EXPECT_NEAR(random.mean, 0.35, 1e-6);
  EXPECT_NEAR(random.half_width, StudentQuantile(1) * 0.1 / 2, 1e-6);
  EXPECT_NEAR(random.seed_deviation, 0.1 / std::sqrt(2.0), 1e-6);
  EXPECT_EQ(random.seeds, 2);
  EXPECT_FALSE(report.rows[0].differences[0].has_value());
  const Estimate& learned = *report.rows[1].accuracies[0];
  EXPECT_NEAR(learned.mean, 0.75, 1e-6);
  EXPECT_NEAR(learned.half_width, StudentQuantile(1) * std::sqrt(0.01 + 0.04) / 2, 1e-6);
  const Estimate& difference = *report.rows[1].differences[0];
  EXPECT_NEAR(difference.mean, 0.4, 1e-6);
  EXPECT_NEAR(difference.half_width, StudentQuantile(1) * 0.2 / 2, 1e-6);
  EXPECT_NEAR(difference.seed_deviation, 0, 1e-6);
  EXPECT_NEAR(*report.rows[1].wall_seconds, 90, 1e-9);
  EXPECT_EQ(report.rows[1].adapts, "class vectors");
  EXPECT_EQ(report.rows[2].learner, "linear_probe");
  EXPECT_EQ(report.rows[2].adapts, "linear classifier");
  EXPECT_FALSE(report.rows[2].wall_seconds.has_value());

  // Only seed 0 has episodes in common with the probe: (0.1 0.3).
  const Report over = Joined(Paths(), "probe");
  EXPECT_EQ(over.baseline, "probe, random");
  EXPECT_NEAR(over.rows[1].differences[0]->mean, 0.2, 1e-6);
  EXPECT_NEAR(over.rows[1].differences[0]->half_width, StudentQuantile(1) * 0.1, 1e-6);
  EXPECT_EQ(over.rows[1].differences[0]->seeds, 1);
  EXPECT_FALSE(over.rows[2].differences[0].has_value());
  EXPECT_NEAR(Joined(Paths(), "maml/random").rows[2].differences[0]->mean, 0.2, 1e-6);
  EXPECT_EQ(Joined(Paths(), folder_ + "b").baseline, "maml, meta-learned");
}

// A run with another template, only with seed 0: random (0.5 0.5), which differs from the first by 0.3 and 0.1;
// meta-learned (0.6 0.9), which differs by 0 and 0.1. Two numbers d apart have the standard deviation d / sqrt(2).
TEST_F(JoinedSeedsTest, SpreadIsBetweenRunsEpisodeByEpisode) {
  Hand other;
  other.name = "other";
  other.spec += " model { prompt { template: '{mask} {text}' } }";
  other.random = {0.5F, 0.5F};
  other.learned = {0.6F, 0.9F};
  std::vector<std::string> paths = Paths();
  paths.pop_back();
  Report lone = Joined(paths);
  EXPECT_EQ(
      AddSpread(&lone).message(),
      "--spread: no two runs have an initialisation and test episodes in common: the same data, episodes and seed, "
      "or the same manifest");
  paths.push_back(Write("other", other));
  Report report = Joined(paths);
  ASSERT_TRUE(AddSpread(&report).ok());
  ASSERT_EQ(report.rows.size(), 6);
  EXPECT_EQ(report.rows[4].run, "spread of 2 runs");
  EXPECT_EQ(report.rows[4].initialisation, "random");
  EXPECT_NEAR(report.rows[4].accuracies[0]->mean, 0.2 / std::sqrt(2.0), 1e-6);
  EXPECT_NEAR(report.rows[4].accuracies[0]->half_width, StudentQuantile(1) * 0.1 / std::sqrt(2.0), 1e-6);
  EXPECT_FALSE(report.rows[4].differences[0].has_value());
  EXPECT_EQ(report.rows[5].initialisation, "meta-learned");
  EXPECT_NEAR(report.rows[5].accuracies[0]->mean, 0.05 / std::sqrt(2.0), 1e-6);
  EXPECT_NEAR(report.rows[5].differences[0]->mean, -0.15 / std::sqrt(2.0), 1e-6);
  EXPECT_NEAR(report.rows[5].differences[0]->half_width, StudentQuantile(1) * 0.15 / std::sqrt(2.0), 1e-6);
  EXPECT_EQ(report.rows[5].differences[0]->seeds, 1);
  // Means of random: 0.35 (two seeds) and 0.5; of meta-learned 0.75 and 0.75.
  EXPECT_THAT(FormattedReport(report, "text"),
              AllOf(HasSubstr("between the runs' mean accuracies: random, words.tsv 5-way 1-shot: 10.61; meta-learned, "
                              "words.tsv 5-way 1-shot: 0.00\n"),
                    HasSubstr("-10.61 ± 134.77\n")));
  EXPECT_THAT(FormattedReport(report, "csv"), HasSubstr("\nspread of 2 runs,,random,,words.tsv,5,1,1,0.1414213"));
}

TEST_F(JoinedSeedsTest, EveryFormatShowsTheSameTable) {
  const Report report = Joined(Paths());
  const std::string note =
      "words.tsv: the runs differ in episodes: maml: 2 episodes with 2 queries per class, seeds 0, 1; probe: 2 "
      "episodes "
      "with 2 queries per class, seed 0";
  const std::vector<std::string> legend = {
      "accuracy in %: mean over the seeds, ± 95 % interval over episodes",
      "σ: standard deviation of the seeds' own means",
      "difference: from the same run's first initialisation, paired by episode, ± 95 % interval",
      "wall time: of a whole run, all its initialisations and shots"};
  EXPECT_EQ(FormattedReport(report, "text"),
            absl::StrJoin(legend, "\n") +
                "\n\nwords.tsv 5-way\n\n"
                "  run     learner        initialisation   what adapts         seeds                    1-shot"
                "                 difference   wall time\n"
                "  maml    maml           random           class vectors           2    35.00 ± 63.53 (σ 7.07)"
                "                              1 min 30 s\n"
                "  maml    maml           meta-learned     class vectors           2   75.00 ± 142.06 (σ 7.07)"
                "   +40.00 ± 127.06 (σ 0.00)   1 min 30 s\n"
                "  probe   linear_probe   random           linear classifier       1              50.00 ± 0.00"
                "                              unknown\n"
                "\n"
                "note: " +
                note + "\n");
  EXPECT_EQ(FormattedReport(report, "markdown"),
            "* " + absl::StrJoin(legend, "\n* ") +
                "\n\n**words.tsv 5-way**\n\n"
                "| run | learner | initialisation | what adapts | seeds | 1-shot | difference | wall time |\n"
                "|---|---|---|---|---:|---:|---:|---|\n"
                "| maml | maml | random | class vectors | 2 | 35.00 ± 63.53 (σ 7.07) |  | 1 min 30 s |\n"
                "| maml | maml | meta-learned | class vectors | 2 | 75.00 ± 142.06 (σ 7.07) | +40.00 ± 127.06 (σ 0.00) "
                "| 1 min "
                "30 s |\n"
                "| probe | linear\\_probe | random | linear classifier | 1 | 50.00 ± 0.00 |  | unknown |\n"
                "\n"
                "* note: " +
                note + "\n");
  EXPECT_THAT(
      FormattedReport(report, "latex"),
      AllOf(HasSubstr("\\begin{tabular}{llllrrrl}\n\\hline\nrun & learner & initialisation & what adapts & seeds "
                      "& words.tsv 5-way 1-shot & difference & wall time \\\\\n\\hline\n"),
            HasSubstr("maml & maml & meta-learned & class vectors & $2$ & $75.00 \\pm 142.06\\ (\\sigma\\ 7.07)$ & "
                      "$+40.00 \\pm 127.06\\ (\\sigma\\ 0.00)$ & 1 min 30 s \\\\\n"
                      "probe & linear\\_probe & random & linear classifier & $1$ & $50.00 \\pm 0.00$ &  & unknown "
                      "\\\\\n\\hline\n\\end{tabular}\n")));
  EXPECT_EQ(
      FormattedReport(report, "csv"),
      "run,learner,initialisation,adapts,dataset,ways,shots,seeds,mean,half_width,seed_deviation,baseline,"
      "difference,difference_half_width,difference_seeds,difference_seed_deviation,wall_seconds\n"
      "maml,maml,random,class vectors,words.tsv,5,1,2,0.35000001,0.63531025,0.07071068,,,,,,90.0\n"
      "maml,maml,meta-learned,class vectors,words.tsv,5,1,2,0.75000001,1.42059679,0.07071067,the same run's first "
      "initialisation,0.40000001,1.27062040,2,0.00000001,90.0\n"
      "probe,linear_probe,random,linear classifier,words.tsv,5,1,1,0.50000000,0.00000000,,,,,,,\n");
  const std::string page = FormattedReport(report, "html");
  EXPECT_THAT(page, AllOf(HasSubstr("<td class=\"n\"><span>75.00 ± 142.06</span> <span>(σ 7.07)</span></td>"),
                          HasSubstr("<li>" + note + "</li>"), HasSubstr("<title>1-shot training</title>"),
                          HasSubstr("<title>1-shot test episodes</title>")));
  EXPECT_THAT(page,
              AllOf(Not(HasSubstr("<script")), Not(HasSubstr("://")), Not(HasSubstr("src=")), Not(HasSubstr("href="))))
      << "the page must be whole by itself";
}

TEST_F(ReportTest, SeedsOfOneManifestAreAveragedEpisodeByEpisode) {
  Hand hand;
  hand.manifest = "feed";
  hand.random = {0.2F, 0.4F};
  hand.learned = {0.8F, 0.6F};
  Hand second = hand;
  second.seed = 1;
  second.random = {0.4F, 0.2F};
  second.learned = {0.8F, 0.8F};
  Hand other = hand;
  other.name = "other";
  other.seed = 9;
  other.random = {0.5F, 0.7F};
  other.learned.clear();
  const Report report = Joined({Write("a", hand), Write("b", second), Write("c", other)}, "other");
  ASSERT_EQ(report.rows.size(), 3);
  EXPECT_NEAR(report.rows[0].accuracies[0]->mean, 0.3, 1e-6);
  EXPECT_NEAR(report.rows[0].accuracies[0]->half_width, 0, 1e-7) << "(0.3 0.3)";
  EXPECT_EQ(report.rows[0].accuracies[0]->seeds, 2);
  EXPECT_NEAR(report.rows[1].accuracies[0]->half_width, StudentQuantile(1) * 0.05, 1e-7) << "(0.8 0.7)";
  EXPECT_NEAR(report.rows[1].differences[0]->mean, 0.15, 1e-7) << "(0.3 0.0), whatever the seeds";
  EXPECT_NEAR(report.rows[1].differences[0]->half_width, StudentQuantile(1) * 0.15, 1e-6);
  EXPECT_THAT(report.notes, ElementsAre());
}

TEST_F(ReportTest, WhatCannotBeComparedIsSaid) {
  Hand hand;
  hand.random = {0.2F, 0.4F};
  Hand other = hand;
  other.name = "other";
  other.sha256 = "bbbbbbbbbbbbbbbb";
  other.spec += " dataset { split { file: 'mine' } }";
  Hand elsewhere = hand;
  elsewhere.name = "third";
  elsewhere.dataset = "b.tsv";
  const std::string a = Write("a", hand);
  const Report report = Joined({a, Write("b", other), Write("c", elsewhere), a + "/"}, "maml");
  ASSERT_EQ(report.columns.size(), 2);
  EXPECT_FALSE(report.rows[1].differences[0].has_value());
  EXPECT_THAT(
      report.notes,
      ElementsAre(
          absl::StrCat(a, " is left out: the same spec and seed as ", a),
          "words.tsv: the runs differ in data: maml: 100 texts, SHA-256 aaaaaaaaaaaa; other: 100 texts, SHA-256 "
          "bbbbbbbbbbbb",
          "words.tsv: the runs differ in class split: maml: its own (0/0/0 classes); other: file mine (0/0/0 "
          "classes)",
          "no paired difference, because there are no episodes in common with maml, random: other"));
  // The value that most runs have is last, without their names.
  std::vector<std::string> many = {Write("e", other)};
  for (const char* name : {"f", "g", "h", "i"}) {
    Hand one = hand;
    one.name = name;
    many.push_back(Write(name, one));
  }
  EXPECT_THAT(Joined(many).notes[0],
              "words.tsv: the runs differ in data: other: 100 texts, SHA-256 bbbbbbbbbbbb; the other 4: 100 texts, "
              "SHA-256 aaaaaaaaaaaa");
  // Another setting with the same name: the names of the rows include their directories.
  Hand twin = hand;
  twin.spec = "learner { proto_net { } }";
  const Report twins = Joined({a, Write("d", twin)});
  EXPECT_EQ(twins.groups[0].name, absl::StrCat("maml [", a, "]"));
  EXPECT_EQ(twins.groups[1].name, absl::StrCat("maml [", folder_, "d]"));
  EXPECT_EQ(Error({a, folder_ + "d"}, "maml"), "--baseline: several runs are called 'maml'; name one by its directory");
  EXPECT_EQ(Error({a}, "mmal"),
            "--baseline: no run is called 'mmal'; there are maml (each also with /INITIALISATION, such as /random)");
}

TEST_F(ReportTest, NamesAreTextInEveryFormat) {
  Hand hand;
  hand.random = {0.2F, 0.4F};
  hand.dataset = "a&b_<i>\"|,#%$^~{}\\ ?.tsv";
  const Report report = Joined({Write("a", hand)});
  EXPECT_THAT(FormattedReport(report, "text"),
              HasSubstr("\na&b_<i>\"|,#%$^~{}\\ ?.tsv 5-way: learner maml; adapts class vectors; 1 seed\n"));
  EXPECT_THAT(FormattedReport(report, "markdown"), HasSubstr(R"(**a\&b\_\<i\>"\|,\#%$^\~\{\}\\ ?.tsv 5-way: learner)"));
  EXPECT_THAT(FormattedReport(report, "latex"),
              HasSubstr("& a\\&b\\_\\textless{}i\\textgreater{}\"|,\\#\\%\\$\\textasciicircum{}\\textasciitilde{}\\{\\}"
                        "\\textbackslash{} ?.tsv 5-way 1-shot \\\\\n"));
  EXPECT_THAT(FormattedReport(report, "csv"), HasSubstr(",\"a&b_<i>\"\"|,#%$^~{}\\ ?.tsv\",5,1,"));
  EXPECT_THAT(
      FormattedReport(report, "html"),
      AllOf(HasSubstr("<h2>a&amp;b_&lt;i&gt;&quot;|,#%$^~{}\\ ?.tsv 5-way: learner maml; adapts class vectors; 1 "
                      "seed</h2>"),
            Not(HasSubstr("b_<i>"))));
}

TEST_F(ReportTest, RecordsThatAreNoneAreErrors) {
  EXPECT_EQ(Error({folder_ + "none"}), "$none: no such run directory");
  std::filesystem::create_directories(folder_ + "half.partial");
  ASSERT_TRUE(WriteFileAtomically(folder_ + "half.partial/spec.textproto", "").ok());
  EXPECT_EQ(Error({folder_ + "half"}), "$half: the run is not complete; the command that started it continues it");
  Hand hand;
  hand.random = {0.2F, 1.4F};
  EXPECT_EQ(Error({Write("a", hand)}), "$a/record.textproto: 1-shot: an accuracy of random is not within 0 and 1");
  hand.random = {0.2F, NAN};
  EXPECT_EQ(Error({Write("a", hand)}), "$a/record.textproto: 1-shot: an accuracy of random is not within 0 and 1");
  hand.random = {0.2F, 0.4F};
  hand.learned = {0.2F};
  EXPECT_EQ(Error({Write("a", hand)}), "$a/record.textproto: 1-shot: an accuracy of meta-learned is not within 0 and 1")
      << "a single accuracy has no interval";
  hand.learned = {0.2F, 0.3F, 0.4F};
  EXPECT_EQ(Error({Write("a", hand)}),
            "$a/record.textproto: 1-shot: meta-learned has 3 accuracies; test.episodes is 2");
  ASSERT_TRUE(WriteFileAtomically(folder_ + "a/record.textproto", "nonsense: 1").ok());
  EXPECT_EQ(Error({folder_ + "a"}),
            "$a/record.textproto:1:9: there is no field 'nonsense'; known: version, spec, dataset, model, results, "
            "manifest_sha256");
}

}  // namespace
}  // namespace metaprompt
