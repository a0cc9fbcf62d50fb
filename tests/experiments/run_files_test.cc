// What commands do to files: the files of a run are checked when they are read, other files stay, and an error leaves
// no files.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/file.h>
#include <unistd.h>

#include <atomic>
#include <filesystem>
#include <memory>
#include <ostream>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "experiments/cli/command_line.h"
#include "experiments/runs/run_directory.h"
#include "tests/helpers/command_line_fixture.h"

namespace metaprompt {
namespace {

namespace fs = std::filesystem;
using ::testing::AllOf;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::StartsWith;

// Keeps what is written, and sets a flag when a given word is written.
class StopsAt : public std::stringbuf {
 public:
  StopsAt(std::string word, std::atomic<bool>* stop) : word_(std::move(word)), stop_(stop) {}

 protected:
  std::streamsize xsputn(const char* text, std::streamsize size) override {
    const std::streamsize written = std::stringbuf::xsputn(text, size);
    stop_->store(stop_->load() || absl::StrContains(str(), word_));
    return written;
  }

 private:
  std::string word_;
  std::atomic<bool>* stop_;
};

class RunFilesTest : public CommandLineTest {
 protected:
  // Flips one bit of the byte at two thirds of the file.
  void Flip(const std::string& name) const {
    std::string bytes = Read(name);
    bytes[bytes.size() * 2 / 3] = static_cast<char>(bytes[bytes.size() * 2 / 3] ^ 0x40);
    WriteBytes(name, bytes);
  }
  // Stops a run after its first validation, so that its folder also has the best parameters so far.
  void StoppedAfterValidation() const {
    std::vector<std::string> here;
    for (const std::string& argument : RunHere()) {
      here.push_back(In(argument));
    }
    std::atomic<bool> stop(false);
    StopsAt err("meta-step", &stop);
    std::ostream progress(&err);
    std::ostringstream out;
    std::istringstream in;
    ASSERT_EQ(RunCommand(here, {&out, &progress, false, &stop, &in}), 130) << err.str();
    ASSERT_TRUE(Exists("run.partial/checkpoint-1shot.safetensors"));
    ASSERT_TRUE(Exists("run.partial/best-1shot.safetensors"));
  }
  Outcome Classified(const std::string& run) const {
    Write("few.tsv", "class-0\tthe word 0\nclass-1\tthe word 7\n");
    return Command({"classify", "--run", run, "--support", "$few.tsv", "--shots", "1"}, false, false, "the word 7\n");
  }
};

TEST_F(RunFilesTest, NoCommandRemovesWhatItDidNotMake) {
  ASSERT_EQ(Command(RunHere()).status, 0);
  const std::vector<std::string> mine = {"run", "$tiny.textproto", "--out", "$mine"};
  ASSERT_EQ(Command(mine, /*stop=*/true).status, 130);
  const std::string checkpoint = Read("mine.partial/checkpoint-1shot.safetensors");
  EXPECT_THAT(Error({"export", "$run", "--out", "$mine", "--shots", "7"}), HasSubstr("no 7-shot result"));
  const Outcome exported = Command({"export", "$run", "--out", "$mine"});
  EXPECT_EQ(exported.status, 0) << exported.err;
  EXPECT_TRUE(Exists("mine/model.safetensors"));
  EXPECT_EQ(Read("mine.partial/checkpoint-1shot.safetensors"), checkpoint);
  EXPECT_EQ(Error(mine), "$mine: a folder that is not a run is there; name another with --out");
  EXPECT_EQ(Read("mine.partial/checkpoint-1shot.safetensors"), checkpoint);
  fs::remove_all(folder_ + "mine");
  EXPECT_EQ(Command(mine).status, 0);
  EXPECT_EQ(Read("mine/record.textproto"), Read("run/record.textproto"));
  // A folder that only looks like a stopped run by its name.
  fs::create_directory(folder_ + "notes.partial");
  Write("notes.partial/diary", "dear diary");
  EXPECT_EQ(Error({"run", "$tiny.textproto", "--out", "$notes"}),
            "$notes.partial: it has diary and is not a stopped run; name another folder with --out");
  Write("notes.partial/SHA256SUMS", absl::StrCat(std::string(64, 'a'), "  diary\n"));
  EXPECT_THAT(Error({"run", "$tiny.textproto", "--out", "$notes"}), HasSubstr("is not a stopped run"));
  EXPECT_EQ(Read("notes.partial/diary"), "dear diary");
  EXPECT_FALSE(Exists("notes.partial/.lock"));
  // Files whose names could be those of temporary files, and somebody's checksums.
  fs::remove(folder_ + "notes.partial/diary");
  EXPECT_THAT(Error({"run", "$tiny.textproto", "--out", "$notes"}),
              HasSubstr("it has SHA256SUMS and is not a stopped"));
  Write("notes.partial/notes.tmp.2024", "mine");
  Write("notes.partial/SHA256SUMS", "not checksums\n");
  EXPECT_THAT(Error({"run", "$tiny.textproto", "--out", "$notes"}), HasSubstr("SHA256SUMS:1: "));
  EXPECT_EQ(Read("notes.partial/notes.tmp.2024"), "mine");
  EXPECT_EQ(Read("notes.partial/SHA256SUMS"), "not checksums\n");
}

TEST_F(RunFilesTest, ReportsGoThroughLinks) {
  ASSERT_EQ(Command(RunHere()).status, 0);
  Write("report.csv", "old");
  fs::create_symlink("report.csv", folder_ + "link.csv");
  ASSERT_EQ(Command({"report", "$run", "--out", "$link.csv"}).status, 0);
  EXPECT_TRUE(fs::is_symlink(folder_ + "link.csv"));
  EXPECT_THAT(Read("report.csv"), StartsWith("run,learner,"));
  fs::create_symlink("nowhere", folder_ + "run-link");
  EXPECT_EQ(Error({"run", "$tiny.textproto", "--out", "$run-link"}),
            "$run-link: a symbolic link that leads nowhere is there; name another with --out");
}

TEST_F(RunFilesTest, EachFileOfACompleteRunIsChecked) {
  const std::vector<std::string> run = {"run",   "$tiny.textproto",    "--out", "$run",
                                        "--set", "episodes.shots=1,2", "--set", "train.validate_after=2"};
  ASSERT_EQ(Command(run).status, 0);
  EXPECT_FALSE(Exists("run/.lock"));
  const Outcome whole = Classified("$run");
  ASSERT_EQ(whole.status, 0) << whole.err;
  const std::string remedy = "; copy it again from where the run was made, or run the record's spec again";
  for (const std::string name : {"best-1shot.safetensors", "tokenizer.model"}) {
    const std::string before = Read("run/" + name);
    Flip("run/" + name);
    EXPECT_THAT(Classified("$run").err,
                AllOf(StartsWith("error: $run/" + name + ": not the bytes that were written: their SHA-256 is "),
                      EndsWith(remedy + "\n")));
    fs::remove(folder_ + "run/" + name);
    EXPECT_EQ(Classified("$run").err, "error: $run: the run's record is here, but " + name + " is not" + remedy + "\n");
    WriteBytes("run/" + name, before);
    EXPECT_EQ(Classified("$run").out, whole.out);
  }
  fs::copy_file(folder_ + "run/best-2shot.safetensors", folder_ + "run/best-1shot.safetensors",
                fs::copy_options::overwrite_existing);
  EXPECT_THAT(Classified("$run").err, HasSubstr("; they are those of best-2shot.safetensors; copy it again"));
  // A changed record that breaks no rule.
  Write("run/record.textproto", Read("run/record.textproto") + "\n# a note\n");
  EXPECT_THAT(Error({"show", "$run"}),
              AllOf(HasSubstr("record.textproto: not the bytes"), HasSubstr("remove its line")));
  // Earlier versions wrote no checksums.
  fs::remove(folder_ + "run/SHA256SUMS");
  EXPECT_EQ(Command({"show", "$run"}).status, 0);
  EXPECT_EQ(Classified("$run").status, 0);
}

TEST_F(RunFilesTest, EachFileOfAStoppedRunIsChecked) {
  ASSERT_EQ(Command(RunHere()).status, 0);
  fs::rename(folder_ + "run", folder_ + "whole");
  StoppedAfterValidation();
  const std::string checkpoint = Read("run.partial/checkpoint-1shot.safetensors");
  Flip("run.partial/checkpoint-1shot.safetensors");
  EXPECT_THAT(Error(RunHere()), AllOf(StartsWith("$run.partial/checkpoint-1shot.safetensors: not the bytes that were"),
                                      EndsWith("; remove the file to train from the beginning")));
  WriteBytes("run.partial/checkpoint-1shot.safetensors", checkpoint);
  const std::string best = Read("run.partial/best-1shot.safetensors");
  const std::string remedy = "; remove checkpoint-1shot.safetensors beside it to train from the beginning";
  Flip("run.partial/best-1shot.safetensors");
  EXPECT_THAT(Error(RunHere()),
              AllOf(StartsWith("$run.partial/best-1shot.safetensors: not the bytes that were"), EndsWith(remedy)));
  fs::remove(folder_ + "run.partial/best-1shot.safetensors");
  EXPECT_EQ(Error(RunHere()), "$run.partial/best-1shot.safetensors: No such file or directory" + remedy);
  for (const std::string name : {"tokenizer.model", "threads", "dataset.sha256"}) {
    const std::string before = Read("run.partial/" + name);
    Flip("run.partial/" + name);
    EXPECT_THAT(Error(RunHere()), StartsWith("$run.partial/" + name + ": not the bytes that were written"));
    WriteBytes("run.partial/" + name, before);
  }
  fs::remove(folder_ + "run.partial/checkpoint-1shot.safetensors");
  EXPECT_EQ(Command(RunHere()).status, 0) << "the remedy must be one";
  for (const char* name : {"record.textproto", "best-1shot.safetensors", "checkpoint-1shot.safetensors"}) {
    EXPECT_EQ(Read(absl::StrCat("run/", name)), Read(absl::StrCat("whole/", name))) << name;
  }
}

TEST_F(RunFilesTest, ACompleteRunIsCompleteAlready) {
  const Outcome first = Command(RunHere());
  ASSERT_EQ(first.status, 0) << first.err;
  const auto written = fs::last_write_time(folder_ + "run/record.textproto");
  const Outcome again = Command(RunHere());
  EXPECT_EQ(again.status, 0) << again.err;
  EXPECT_EQ(again.err, "$run: complete already, with this spec\n");
  EXPECT_EQ(again.out, first.out);
  EXPECT_EQ(fs::last_write_time(folder_ + "run/record.textproto"), written);
  EXPECT_FALSE(Exists("run.partial"));
  EXPECT_EQ(Error({"run", "$tiny.textproto", "--out", "$run", "--set", "seed=1"}),
            "$run: the complete run there has another spec; name another folder with --out, or remove it");
  fs::create_directories(folder_ + "other/inside");
  EXPECT_EQ(Error({"run", "$tiny.textproto", "--out", "$other"}),
            "$other: a folder that is not a run is there; name another with --out");
  const Outcome filled = Command({"run", "$tiny.textproto", "--out", "$other/inside/"});
  EXPECT_EQ(filled.status, 0) << filled.err;
  EXPECT_EQ(Read("other/inside/record.textproto"), Read("run/record.textproto"));
  EXPECT_FALSE(Exists("other/inside.partial"));
}

TEST_F(RunFilesTest, TheLockOutlivesTheRename) {
  absl::StatusOr<std::unique_ptr<RunDirectory>> run = RunDirectory::Open(folder_ + "run", "spec");
  ASSERT_TRUE(run.ok()) << run.status();
  const int lock = open((folder_ + "run.partial/.lock").c_str(), O_RDWR);
  ASSERT_GE(lock, 0);
  EXPECT_NE(flock(lock, LOCK_EX | LOCK_NB), 0);
  ASSERT_TRUE((*run)->Finish().ok());
  EXPECT_NE(flock(lock, LOCK_EX | LOCK_NB), 0) << "who waited for the run must still wait";
  EXPECT_TRUE(absl::IsAlreadyExists(RunDirectory::Open(folder_ + "run", "spec").status()));
  run->reset();
  EXPECT_EQ(flock(lock, LOCK_EX | LOCK_NB), 0);
  close(lock);
  EXPECT_FALSE(Exists("run/.lock"));
}

TEST_F(RunFilesTest, AnErrorLeavesNothing) {
  const std::vector<std::string> run = {"run", "$tiny.textproto", "--out", "$deep/er/run", "--set"};
  for (const char* wrong :
       {"episodes.word_tasks=1", "dataset.tsv.path=$none.tsv", "model.tokenizer.vocab_size=100000"}) {
    std::vector<std::string> with = run;
    with.emplace_back(wrong);
    EXPECT_NE(Error(with), "") << wrong;
    EXPECT_FALSE(Exists("deep")) << wrong;
    with.emplace_back("--tensorboard=" + folder_ + "events/new");
    EXPECT_NE(Error(with), "") << wrong;
    EXPECT_FALSE(Exists("events")) << wrong;
  }
  fs::create_directory(folder_ + "events");
  Write("events/photos.tmp.2024", "mine");
  Error({"run", "$tiny.textproto", "--out", "$run", "--tensorboard=$events", "--set", "dataset.tsv.path=$none.tsv"});
  EXPECT_EQ(Read("events/photos.tmp.2024"), "mine");
  EXPECT_EQ(std::distance(fs::directory_iterator(folder_ + "events"), fs::directory_iterator()), 1);
  // The folder of a process that was killed before its first checkpoint does not prevent a run with another spec.
  {
    const auto killed = RunDirectory::Open(folder_ + "deep/er/run", "another spec");
    ASSERT_TRUE(killed.ok()) << killed.status();
    ASSERT_TRUE((*killed)->Write("tokenizer.model", "another tokenizer").ok());
    ASSERT_TRUE((*killed)->Write("dataset.sha256", "another dataset").ok());
  }
  ASSERT_TRUE(Exists("deep/er/run.partial/tokenizer.model"));
  std::vector<std::string> corrected = run;
  corrected.emplace_back("episodes.word_tasks=0");
  const Outcome outcome = Command(corrected);
  EXPECT_EQ(outcome.status, 0) << outcome.err;
  // The folder of a run that was stopped after its first checkpoint does.
  ASSERT_EQ(Command({"run", "$tiny.textproto", "--out", "$run"}, /*stop=*/true).status, 130);
  EXPECT_THAT(Error({"run", "$tiny.textproto", "--out", "$run", "--set", "dataset.tsv.path=$none.tsv"}),
              HasSubstr("a stopped run of another spec is there"));
  EXPECT_TRUE(Exists("run.partial/checkpoint-1shot.safetensors"));
}

}  // namespace
}  // namespace metaprompt
