// The values of commands' options: which files may be written, and values that would have no effect.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "tests/helpers/command_line_fixture.h"

namespace metaprompt {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::StartsWith;

namespace fs = std::filesystem;

class OutputTest : public CommandLineTest {};

TEST_F(OutputTest, NoInputAndNoFileOfARunIsReplaced) {
  ASSERT_EQ(Command(RunHere()).status, 0);
  fs::create_directory(folder_ + "bare");  // a record without checksums
  fs::copy(folder_ + "run/record.textproto", folder_ + "bare/record.textproto");
  fs::create_symlink("data.tsv", folder_ + "link");
  fs::create_hard_link(folder_ + "data.tsv", folder_ + "twin");
  const auto refused = [&](std::vector<std::string> command, const std::string& file, const std::string& why) {
    const std::string before = Read(file);
    command.push_back("$" + file);
    EXPECT_EQ(Error(command), absl::StrCat("cannot write $", file, ": ", why));
    EXPECT_EQ(Read(file), before) << file;
  };
  const std::string input = "this command reads that file; name another";
  Write("split.tsv", "class-0\tclass 0\ttrain\n");
  for (const std::string file : {"data.tsv", "tiny.textproto", "link", "twin", "split.tsv"}) {
    refused({"episodes", "$tiny.textproto", "--set", "dataset.split.file=$split.tsv", "--save"}, file, input);
  }
  refused({"report", "$bare", "--format", "text", "--out"}, "bare/record.textproto", input);
  const std::string listed = "it is a file of a run or of a classifier (SHA256SUMS lists it); name another";
  refused({"report", "$bare", "--format", "text", "--out"}, "run/record.textproto", listed);
  refused({"report", "$bare", "--format", "text", "--out"}, "run/SHA256SUMS",
          "it lists the files of a run or of a classifier; name another");
  refused({"sinusoid", "--meta-steps", "0", "--curve"}, "run/best-1shot.safetensors", listed);
  refused({"sinusoid", "--dump"}, "run/best-1shot.safetensors", listed);
  refused({"episodes", "$tiny.textproto", "--save"}, "run/record.textproto", listed);
  // A report may be written next to the record, and may replace an earlier report.
  for (int i = 0; i < 2; ++i) {
    EXPECT_EQ(Command({"report", "$run", "--out", "$run/report.html"}).err, "");
  }
  EXPECT_EQ(Command({"show", "$run"}).status, 0);
}

TEST_F(OutputTest, ALimitOfFileSizesIsAnError) {
  const std::string command =
      In("bash -c 'ulimit -f 1; experiments/cli/metaprompt episodes $tiny.textproto --save $frozen.tsv "
         "--count 2000 > $out 2> $err'");
  const int status = std::system(command.c_str());
  ASSERT_TRUE(WIFEXITED(status));
  EXPECT_EQ(WEXITSTATUS(status), 1);
  EXPECT_EQ(Read("err"), In("error: cannot write $frozen.tsv: File too large\n"));
  for (const auto& entry : fs::directory_iterator(folder_)) {
    EXPECT_THAT(entry.path().filename().string(), ::testing::Not(StartsWith("frozen")));
  }
}

TEST_F(OutputTest, NumbersOfSinusoidAreChecked) {
  const auto error = [&](const std::string& option, const std::string& value, int status = 2) {
    return Error({"sinusoid", "--meta-steps", "0", option, value}, status);
  };
  const std::string help = "; see `metaprompt sinusoid --help`";
  for (const std::string value : {"nan", "-1", "inf", "101", "x"}) {
    EXPECT_EQ(error("--meta-lr", value), absl::StrCat("--meta-lr: Value ", value, " not in range 0 to 100", help));
    EXPECT_EQ(error("--inner-lr", value), absl::StrCat("--inner-lr: Value ", value, " not in range 0 to 100", help));
  }
  for (const std::string value : {"-1", "18446744073709551616", "1.5"}) {
    EXPECT_EQ(error("--seed", value),
              absl::StrCat("--seed: Value ", value, " is not a whole number from 0 to 18446744073709551615", help));
  }
  EXPECT_THAT(error("--test-steps", "1,-1"), StartsWith("--test-steps: Value -1 not in range"));
  EXPECT_THAT(error("--test-tasks", "1"), StartsWith("--test-tasks: Value 1 not in range"));
  EXPECT_EQ(Error({"sinusoid", "--dump", "$a", "--curve", "$b"}, 2), "--curve excludes --dump" + help);
  EXPECT_THAT(Error({"sinusoid", "--meta-batch", "100000", "--shots", "100000"}),
              AllOf(StartsWith("one layer's units for all points of a meta-step take 1490.1 GiB, and this process"),
                    HasSubstr("; make --meta-batch, --shots or --queries smaller")));
}

TEST_F(OutputTest, ASpecOfAnotherKindIsNamed) {
  Write("sweep.textproto", "spec: 'tiny.textproto' axis { choice { name: 'a' } }\n");
  EXPECT_EQ(Error({"run", "$sweep.textproto"}),
            "$sweep.textproto: this is a sweep; the command for it is metaprompt sweep");
  EXPECT_EQ(Error({"sweep", "$tiny.textproto"}),
            "$tiny.textproto: this is the spec of an experiment; the command for it is metaprompt run");
}

TEST_F(OutputTest, OptionsWithoutEffectAreRefused) {
  EXPECT_EQ(Error({"report", "$run", "--json", "--format", "csv"}, 2),
            "--format excludes --json; see `metaprompt report --help`");
  EXPECT_EQ(Error({"classify", "--labelled", "--all"}, 2),
            "--labelled excludes --all; see `metaprompt classify --help`");
  EXPECT_EQ(Error({"classify", "--model", "$m", "--label-column", "x"}),
            "--label-column names a column that nothing reads; it needs --support FILE or --labelled");
  EXPECT_THAT(Error({"bench", "$tiny.textproto", "--only", "nonexist"}),
              StartsWith("--only: no row's name contains 'nonexist'; they are called MAML, 1 step"));
  EXPECT_EQ(Error({"bench", "$tiny.textproto", "--only", "MAML", "--memory"}, 2),
            "--only excludes --memory; see `metaprompt bench --help`");
  EXPECT_EQ(Error({"init", "--data", "$data.tsv", "--encoder", ""}, 2),
            "--encoder: the value is empty; see `metaprompt init --help`");
  EXPECT_EQ(Error({"export", "$run", "--out", ""}, 2), "--out: the value is empty; see `metaprompt export --help`");
}

}  // namespace
}  // namespace metaprompt
