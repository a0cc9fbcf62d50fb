// The commands of `metaprompt`: help, wrong options, and what each prints.
#include "experiments/cli/command_line.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <sstream>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "metaprompt/base/hash.h"
#include "tests/helpers/command_line_fixture.h"

namespace metaprompt {
namespace {

using ::testing::AllOf;
using ::testing::AnyOf;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

TEST_F(CommandLineTest, WhatIsKnownOfACommandBeforeItRuns) {
  for (const std::string both : {"run", "pretrain", "finetune", "encode"}) {
    EXPECT_TRUE(FactsOfCommand(both).best_kernel && FactsOfCommand(both).hears_signals) << both;
  }
  EXPECT_TRUE(FactsOfCommand("classify").best_kernel);
  EXPECT_FALSE(FactsOfCommand("classify").hears_signals);
  EXPECT_TRUE(FactsOfCommand("sweep").hears_signals);
  for (const std::string none : {"sweep", "check", "datasets", "stats", "frob", ""}) {
    EXPECT_FALSE(FactsOfCommand(none).best_kernel) << none;
  }
}

TEST_F(CommandLineTest, CommandsThatAreNone) {
  const std::string known =
      "; known: run, sweep, show, report, pretrain, finetune, check, spec, episodes, datasets, init, encode, tokenize, "
      "classify, export, bench, sinusoid, doctor, completion";
  EXPECT_EQ(Error({}, 2), absl::StrCat("a command is missing", known, "; see `metaprompt --help`"));
  EXPECT_EQ(Error({"frob"}, 2), absl::StrCat("there is no command 'frob'", known, "; see `metaprompt --help`"));
  EXPECT_EQ(Error({"frob", "--help"}, 2), Error({"frob"}, 2));
  EXPECT_EQ(Error({"datasets"}, 2),
            "a command is missing; known: stats, export, split; see `metaprompt datasets --help`");
  EXPECT_EQ(Error({"datasets", "frob"}, 2),
            "there is no command 'frob'; known: stats, export, split; see `metaprompt datasets --help`");
}

TEST_F(CommandLineTest, OptionsThatAreWrong) {
  EXPECT_EQ(Error({"run"}, 2), "SPEC is required; see `metaprompt run --help`");
  EXPECT_EQ(Error({"run", "a", "b"}, 2), "The following argument was not expected: b; see `metaprompt run --help`");
  EXPECT_EQ(Error({"run", "a", "--nope"}, 2),
            "The following argument was not expected: --nope; see `metaprompt run --help`");
  // What was probably meant.
  EXPECT_EQ(Error({"classify", "--model", "a", "--labeled", "b"}, 2),
            "The following argument was not expected: --labeled; did you mean --labelled?; see `metaprompt classify "
            "--help`");
  EXPECT_EQ(
      Error({"datasets", "split", "a", "--ot", "b"}, 2),
      "The following argument was not expected: --ot; did you mean --out?; see `metaprompt datasets split --help`")
      << "and not that --out is missing";
  EXPECT_NE(Error({"sweep", "a", "--slurm", "--sbatch-option=--comment="}),
            "--sbatch-option=--comment: the value is empty");
  EXPECT_EQ(Error({"run", "a", "--tensorboard", "b"}, 2),
            "The following argument was not expected: b; --tensorboard takes a value only after =, as in "
            "--tensorboard=b; see `metaprompt run --help`");
  EXPECT_EQ(Error({"check", "--json", "a", "b"}, 2),
            "The following argument was not expected: b; --json takes no value; see `metaprompt check --help`");
  EXPECT_EQ(Error({"check", "a", "--set"}, 2), "--set: 1 required FIELD=VALUE missing; see `metaprompt check --help`");
  EXPECT_EQ(Error({"episodes", "a", "--split", "dev"}, 2),
            "--split: dev not in {train,valid,test}; see `metaprompt episodes --help`");
  // The versions of CLI11 in Debian 12 and 13 write a range in different ways.
  EXPECT_THAT(Error({"episodes", "a", "--index", "-1"}, 2),
              AnyOf("--index: Value -1 not in range 0 to 9223372036854775807; see `metaprompt episodes --help`",
                    "--index: Value -1 not in range [0 - 9223372036854775807]; see `metaprompt episodes --help`"));
  EXPECT_EQ(Error({"episodes", "$tiny.textproto", "--save", "$frozen", "--index", "3"}, 2),
            "--index excludes --save; see `metaprompt episodes --help`");
  EXPECT_THAT(Error({"bench", "a", "--rounds", "0"}, 2),
              AnyOf("--rounds: Value 0 not in range 1 to 1000; see `metaprompt bench --help`",
                    "--rounds: Value 0 not in range [1 - 1000]; see `metaprompt bench --help`"));
}

TEST_F(CommandLineTest, HelpNamesEveryCommand) {
  const Outcome help = Command({"--help"});
  EXPECT_EQ(help.status, 0);
  EXPECT_EQ(help.err, "");
  for (const char* name : {"run", "sweep", "show", "report", "check", "spec", "episodes", "datasets", "init", "encode",
                           "tokenize", "classify", "export", "bench", "sinusoid", "doctor"}) {
    EXPECT_THAT(help.out, HasSubstr(absl::StrCat("\n  ", name, "  ")));
    const Outcome own = Command({name, "--help"});
    EXPECT_EQ(own.status, 0);
    EXPECT_THAT(own.out, HasSubstr(absl::StrCat("Usage: metaprompt ", name)));
  }
}

// The completions that bash offers for the last word of `line`.
std::string Completed(const std::string& script, const std::vector<std::string>& line) {
  std::string command = absl::StrCat("source ", script, "; COMP_WORDS=(");
  for (const std::string& word : line) {
    absl::StrAppend(&command, "'", word, "' ");
  }
  absl::StrAppend(&command, "); COMP_CWORD=", line.size() - 1, "; _metaprompt; echo ${COMPREPLY[@]}");
  FILE* const pipe = popen(absl::StrCat("bash -c \"", absl::StrReplaceAll(command, {{"$", "\\$"}}), "\"").c_str(), "r");
  std::string answer;
  for (int c = fgetc(pipe); c != EOF; c = fgetc(pipe)) {
    answer.push_back(static_cast<char>(c));
  }
  EXPECT_EQ(pclose(pipe), 0);
  return answer;
}

TEST_F(CommandLineTest, ShellsCompleteWhatHelpDescribes) {
  WriteBytes("completion", Command({"completion", "bash"}).out);
  const std::string script = In("$completion");
  EXPECT_EQ(Completed(script, {"metaprompt", "s"}), "sweep show spec sinusoid\n");
  EXPECT_EQ(Completed(script, {"metaprompt", "datasets", ""}), "stats export split --help\n");
  EXPECT_EQ(Completed(script, {"metaprompt", "datasets", "stats", "--s"}), "--set\n");
  EXPECT_EQ(Completed(script, {"metaprompt", "run", "x", "--set", "a=b", "--o"}), "--out\n");
  EXPECT_EQ(Completed(script, {"metaprompt", "classify", "--un"}), "--uncalibrated\n");
  const std::string zsh = Command({"completion", "zsh"}).out;
  EXPECT_THAT(zsh, AllOf(StartsWith("#compdef metaprompt\n"),
                         HasSubstr("'show:Print the results of a run, a pre-training or a fine-tuning'"),
                         HasSubstr("'--out:Run directory, new or of the stopped run [runs/NAME-seedSEED]'")));
  const std::string man = Command({"completion", "man"}).out;
  EXPECT_THAT(man,
              AllOf(StartsWith(".TH METAPROMPT 1\n"), HasSubstr("\n.SS metaprompt datasets stats\n"),
                    HasSubstr("\n.TP\n.B \\-\\-set FIELD=VALUE\nChange a field of the spec"), Not(HasSubstr("\n\n"))));
}

TEST_F(CommandLineTest, VersionAndSilence) {
  EXPECT_THAT(Command({"--version"}).out, ::testing::MatchesRegex("metaprompt [0-9]+\\.[0-9]+\\.[0-9]+\n"));
  std::vector<std::string> run = RunHere();
  run.emplace_back("--quiet");
  const Outcome quiet = Command(run);
  EXPECT_EQ(quiet.status, 0);
  EXPECT_EQ(quiet.err, "");
  EXPECT_THAT(quiet.out, HasSubstr("\nrecord: "));
  const Outcome failed = Command({"show", "--quiet", "$none"});
  EXPECT_EQ(failed.status, 1);
  EXPECT_EQ(failed.err, "error: $none: no such run directory\n") << "an error is printed all the same";
}

TEST_F(CommandLineTest, ResultsForOtherPrograms) {
  ASSERT_EQ(Command(RunHere()).status, 0);
  const nlohmann::json record = nlohmann::json::parse(Command({"show", "$run", "--json"}).out);
  EXPECT_EQ(record["spec"]["episodes"]["shots"], nlohmann::json({1}));
  EXPECT_EQ(record["results"][0]["tests"][1]["accuracies"].size(), 2);
  const nlohmann::json report = nlohmann::json::parse(Command({"report", "$run", "--json"}).out);
  ASSERT_EQ(report["rows"].size(), 2);
  EXPECT_EQ(report["rows"][1]["accuracies"][0]["mean"], record["results"][0]["tests"][1]["mean_accuracy"]);
  EXPECT_TRUE(report["rows"][0]["differences"][0].is_null());
  const nlohmann::json spec = nlohmann::json::parse(Command({"check", "$tiny.textproto", "--json"}).out);
  EXPECT_EQ(spec, record["spec"]);
  const nlohmann::json stats = nlohmann::json::parse(Command({"datasets", "stats", "$tiny.textproto", "--json"}).out);
  EXPECT_EQ(stats["texts"], 54);
  EXPECT_EQ(stats["sha256"], record["dataset"]["content_sha256"]);
  ASSERT_EQ(stats["classes"].size(), 9);
  EXPECT_EQ(stats["classes"][0]["mean_words"], 7);
  const std::string lines = Command({"datasets", "export", "$tiny.textproto", "--json"}).out;
  EXPECT_EQ(nlohmann::json::parse(lines.substr(0, lines.find('\n')))["label"], "class-0");
}

TEST_F(CommandLineTest, ListsAsCheckPrintsThem) {
  const Outcome listed = Command({"check", "$tiny.textproto", "--set", "episodes.shots=[1, 2]"});
  EXPECT_EQ(listed.out, Command({"check", "$tiny.textproto", "--set", "episodes.shots=1,2"}).out);
  EXPECT_THAT(listed.out, HasSubstr("\n  shots: [1, 2]\n"));
  EXPECT_THAT(CheckError("episodes.shots=[1"), HasSubstr("'[1' is not a whole number"));
}

TEST_F(CommandLineTest, CheckLooksAtTheFiles) {
  const Outcome good = Command({"check", "$tiny.textproto"});
  EXPECT_EQ(good.status, 0) << good.err;
  EXPECT_THAT(good.out, EndsWith("\n# data.tsv: 54 texts in 3/3/3 classes (train/valid/test)\n"));
  const std::string set = "dataset.tsv.path=$none.tsv";
  const Outcome missing = Command({"check", "$tiny.textproto", "--set", set});
  EXPECT_EQ(missing.status, 1);
  EXPECT_EQ(missing.err, "error: $tiny.textproto: $none.tsv: No such file or directory\n");
  EXPECT_THAT(missing.out, HasSubstr("\nthreads: 1\n")) << "the spec is sound, and is printed";
  EXPECT_EQ(Error({"check", "$tiny.textproto", "--set", "model.encoder={ checkpoint { path: '$none' } }", "--set",
                   "model.tokenizer={}"}),
            "$tiny.textproto: $none: No such file or directory");
  Write("bad.tsv", "no tab\n");
  EXPECT_EQ(CheckError("dataset.tsv.path=$bad.tsv"), "$bad.tsv:1: no tab between label and text");
  EXPECT_THAT(CheckError("episodes.ways=4"), HasSubstr("4"));
}

TEST_F(CommandLineTest, ARunIsNoCheckpoint) {
  ASSERT_EQ(Command(RunHere()).status, 0);
  EXPECT_EQ(Error({"encode", "--encoder", "$run", "--out", "$states"}),
            "$run: this is a run's folder, not a checkpoint; `metaprompt export $run --out DIR` makes one of it");
}

TEST_F(CommandLineTest, ReportsPassOverWhatIsNoRun) {
  ASSERT_EQ(Command(RunHere()).status, 0);
  const std::string alone = Command({"report", "$run"}).out;
  std::filesystem::create_directories(folder_ + "logs");
  const Outcome more = Command({"report", "$data.tsv", "$run", "$logs", "$other.partial"});
  EXPECT_EQ(more.out, alone);
  EXPECT_EQ(more.err,
            "$data.tsv: not a run; left out\n$logs: not a run; left out\n$other.partial: not complete; left out\n");
  EXPECT_EQ(Error({"report", "$logs", "$data.tsv"}), "no complete run is named");
  EXPECT_THAT(Error({"report", "$logs"}), StartsWith("$logs: not a run directory: it has no record.textproto"));
  EXPECT_EQ(Error({"report", "$run", "$none"}), "$none: no such run directory") << "a name that is misspelt";
}

TEST_F(CommandLineTest, EachTestClassHasItsResult) {
  std::vector<std::string> run = RunHere();
  run.insert(run.end(), {"--set", "test.episodes=5"});
  ASSERT_EQ(Command(run).status, 0);
  const nlohmann::json record = nlohmann::json::parse(Command({"show", "$run", "--json"}).out);
  for (const nlohmann::json& test : record["results"][0]["tests"]) {
    ASSERT_EQ(test["classes"].size(), 3);
    int64_t texts = 0;
    int64_t right = 0;
    for (size_t c = 0; c < 3; ++c) {
      const nlohmann::json& one = test["classes"][c];
      const auto taken_for = one["taken_for"].get<std::vector<int64_t>>();
      ASSERT_EQ(taken_for.size(), 3);
      EXPECT_EQ(one["right"], taken_for[c]);
      EXPECT_EQ(one["texts"], taken_for[0] + taken_for[1] + taken_for[2]);
      texts += one["texts"].get<int64_t>();
      right += one["right"].get<int64_t>();
    }
    EXPECT_EQ(texts, 5 * 2 * 2) << "episodes, ways, queries";
    EXPECT_NEAR(static_cast<double>(right) / static_cast<double>(texts), test["mean_accuracy"].get<double>(), 1e-9);
  }
  const std::string title = "1-shot, meta-learned: each test class, over 20 query texts\n\n  class    ";
  EXPECT_THAT(Command({"show", "$run"}).out, HasSubstr("\n" + title));
  EXPECT_THAT(Command({"report", "$run"}).out, Not(HasSubstr(title)));
  EXPECT_THAT(Command({"report", "$run", "--classes"}).out, HasSubstr("\ntiny\n\n" + title));
  EXPECT_THAT(Command({"report", "$run", "--format", "html"}).out,
              HasSubstr("<details><summary>1-shot, meta-learned: each test class, over 20 query texts</summary>"));
  EXPECT_EQ(Error({"report", "$run", "--classes", "--format", "csv"}),
            "--classes adds to the text format; HTML has the classes anyway");
  EXPECT_THAT(Command({"report", "$run", "--chart"}).out, HasSubstr("\nmean accuracy in % and its 95 % interval\n"));
  EXPECT_EQ(Command({"report", "$run", "--chart", "--classes", "--out", "$all.txt"}).err, "");
  EXPECT_THAT(Read("all.txt"), AllOf(HasSubstr("\nmean accuracy in % and its 95 % interval\n"), HasSubstr(title)));
  EXPECT_EQ(Error({"report", "$run", "--chart", "--out", "$all.md"}),
            "--chart adds to the text format; HTML has the chart anyway");
  EXPECT_EQ(Error({"report", "$run", "--out", "$all.doc"}),
            "$all.doc: no format has this ending; choose one with --format");
  EXPECT_EQ(Error({"report", "$run", "--chart", "--json"}),
            "--chart adds to the text format; HTML has the chart anyway");
}

TEST_F(CommandLineTest, SpecDescribesFields) {
  const Outcome all = Command({"spec"});
  EXPECT_EQ(all.status, 0);
  EXPECT_THAT(all.out, HasSubstr("\nlearner.inner.steps  [whole number, default 3, >= 0 and <= 100000]\n"
                                 "    gradient steps on the support set\n"));
  const Outcome one = Command({"spec", "learner.inner.steps"});
  EXPECT_EQ(one.status, 0);
  EXPECT_EQ(one.out,
            "learner.inner.steps  [whole number, default 3, >= 0 and <= 100000]\n"
            "    gradient steps on the support set\n");
  EXPECT_THAT(Command({"spec", "test"}).out, AllOf(StartsWith("test.episodes  ["), Not(HasSubstr("train."))));
  EXPECT_EQ(Error({"spec", "test.frob"}),
            "there is no field 'test.frob'; known here: episodes, baseline, manifest, count_words");
  EXPECT_EQ(Error({"spec", "seed.frob"}), "there is no field 'seed.frob'");
}

TEST_F(CommandLineTest, EpisodesAreTheSameEachTime) {
  const Outcome first = Command({"episodes", "$tiny.textproto"});
  EXPECT_EQ(first.status, 0) << first.err;
  EXPECT_THAT(first.out, StartsWith("episode 0 of test, seed 0: 2-way 1-shot, 2 queries per class\n"
                                    "part\tway\tlabel\tnumber\ttext\nsupport\t0\tclass-"));
  const std::vector<std::string> lines = absl::StrSplit(first.out, '\n');
  EXPECT_EQ(lines.size(), 2 + 2 * (1 + 2) + 1);  // heading, texts, and "" after the last line end
  EXPECT_EQ(Command({"episodes", "$tiny.textproto"}).out, first.out);
  const std::vector<std::string> fifth = {"episodes", "$tiny.textproto", "--index", "5", "--split", "valid"};
  const std::string before = Command(fifth).out;
  EXPECT_THAT(before, StartsWith("episode 5 of valid, seed 0: "));
  EXPECT_EQ(Command(fifth).out, before);
  EXPECT_EQ(Error({"episodes", "$tiny.textproto", "--shots", "9"}),
            "an episode needs shots + queries = 9 + 2 texts per class; these classes of the split 'test' have fewer: "
            "'class-0' (6), 'class-2' (6), 'class-3' (6)");
}

TEST_F(CommandLineTest, DatasetsCanBeLookedAt) {
  const Outcome stats = Command({"datasets", "stats", "$tiny.textproto"});
  EXPECT_EQ(stats.status, 0) << stats.err;
  EXPECT_THAT(stats.out, AllOf(HasSubstr("class-0"), HasSubstr("class 0"), HasSubstr("sha256")));
  const Outcome text = Command({"datasets", "export", "$tiny.textproto"});
  EXPECT_THAT(text.out, HasSubstr("\tclass-0\tclass 0\tthe word 0 stands beside number 0\n"));
  EXPECT_THAT(stats.out, HasSubstr(Sha256(text.out)));
  // The file needs no other parts.
  Write("alone.textproto", "dataset { tsv { path: '$data.tsv' } split { shares { train: 0.34 valid: 0.33 } } }");
  EXPECT_EQ(Command({"datasets", "stats", "$alone.textproto"}).out, stats.out);
  EXPECT_EQ(Error({"datasets", "stats", "$alone.textproto", "--set", "dataset.split.shares.train=2"}),
            "$alone.textproto: dataset.split.shares.train is 2; it must be > 0 and < 1");
  Write("alone.textproto", "name: 'none'");
  EXPECT_EQ(Error({"datasets", "stats", "$alone.textproto"}), "$alone.textproto: dataset must be set");
}

// The id of a piece is its line number in vocab.txt, from 0.
TEST_F(CommandLineTest, TextsAsTokens) {
  Write("config.json", R"({"model_type": "bert"})");
  Write("vocab.txt", "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\nthe\nword\n##s\n[\nmask\n]\n");
  const auto tokens = [&](std::vector<std::string> options, const std::string& input) {
    options.insert(options.begin(), {"tokenize", "--encoder", "$"});
    const Outcome outcome = Command(options, /*stop=*/false, /*terminal=*/false, input);
    EXPECT_EQ(outcome.status, 0) << outcome.err;
    return outcome.out;
  };
  EXPECT_EQ(tokens({}, "The words\n[MASK] xyz\n"), "2 5 6 7 3\n2 4 1 3\n");
  EXPECT_EQ(tokens({"--plain-text"}, "The [MASK]"), "2 5 8 9 10 3\n");
  EXPECT_EQ(tokens({"--no-special-tokens"}, "\n\nthe\r\nthe"), "\n\n5\n5\n");
  EXPECT_EQ(tokens({"--pieces"}, "the words"), "[CLS] the word ##s [SEP]\n");
  EXPECT_EQ(tokens({}, ""), "");
  EXPECT_EQ(tokens({}, "\xef\xbb\xbfthe\n"), "2 5 3\n") << "a byte-order mark";
  Write("utf16", std::string("t\0h\0e\0 \0w\0o\0\n\0", 14));
  EXPECT_EQ(Error({"tokenize", "--encoder", "$", "$utf16"}),
            "$utf16: it looks like UTF-16; `iconv -f UTF-16 -t UTF-8` converts it");
  Write("texts", "word\n");
  EXPECT_EQ(tokens({"$texts"}, "the"), "2 6 3\n");
  EXPECT_EQ(tokens({"-"}, "the"), "2 5 3\n");
  EXPECT_EQ(Error({"tokenize", "--encoder", "$", "$none"}), "cannot read $none: No such file or directory");
}

TEST_F(CommandLineTest, TextsThatCannotBeTokenized) {
  EXPECT_EQ(Error({"tokenize"}, 2), "--encoder is required; see `metaprompt tokenize --help`");
  EXPECT_EQ(Error({"tokenize", "--encoder", "$none"}),
            "$none: no such folder here (a checkpoint is a folder on this machine; none is downloaded)");
  Write("config.json", R"({"model_type": "bert"})");
  EXPECT_EQ(Error({"tokenize", "--encoder", "$"}), "$: neither vocab.txt nor tokenizer.json is there");
  Write("vocab.txt", "[UNK]\n[CLS]\n[SEP]\n[MASK]\n");
  EXPECT_EQ(Error({"tokenize", "--encoder", "$", "$"}), "$: Is a directory");
  WriteBytes("latin1", "the\nw\xf6rd\n");
  EXPECT_EQ(Error({"tokenize", "--encoder", "$", "$latin1"}), "$latin1:2: not valid UTF-8 at byte 2");
}

TEST_F(CommandLineTest, DoctorTellsWhatABugReportNeeds) {
  const Outcome doctor = Command({"doctor", "--threads", "1"});
  EXPECT_EQ(doctor.status, 0);
  for (const char* line : {"metaprompt", "system", "processor", "flags", "LibTorch", "protobuf", "BLAS", "BLAS kernel",
                           "threads", "SGEMM", "GPU"}) {
    EXPECT_THAT("\n" + doctor.out, HasSubstr(absl::StrCat("\n", line, " "))) << doctor.out;
  }
  EXPECT_THAT(doctor.out, HasSubstr(" GFLOP/s (1024 x 1024 x 1024, float32, 1 threads)"));
}

TEST_F(CommandLineTest, StandardOutputThatTakesNothing) {
  std::istringstream in;
  std::ostringstream err;
  std::ostringstream out;
  out.setstate(std::ios::badbit);
  const std::atomic<bool> stop(false);
  EXPECT_EQ(RunCommand({"spec"}, {&out, &err, false, &stop, &in}), 1);
  EXPECT_EQ(err.str(), "error: cannot write to the standard output\n");
}

TEST_F(CommandLineTest, SinusoidsAreFitted) {
  const std::vector<std::string> short_run = {"sinusoid", "--meta-steps", "2",         "--meta-batch",
                                              "2",        "--test-tasks", "3",         "--test-steps",
                                              "0,1",      "--curve",      "$curve.tsv"};
  // The first line has the time taken, which differs.
  const auto table = [](const Outcome& outcome) { return outcome.out.substr(outcome.out.find('\n') + 1); };
  const Outcome first = Command(short_run);
  EXPECT_EQ(first.status, 0) << first.err;
  EXPECT_THAT(table(first), HasSubstr("inner steps   error\n"));
  EXPECT_NE(Read("curve.tsv"), "");
  EXPECT_EQ(table(Command(short_run)), table(first));
  EXPECT_EQ(Command(short_run, /*stop=*/true).status, 130);
}

}  // namespace
}  // namespace metaprompt
