// A run that is killed at a system call that changes files, and then continued, leaves the same bytes, whichever call
// it was. This file replaces the functions of the C library that change files by functions that count their calls.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <filesystem>
#include <iostream>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "tests/helpers/read_events.h"
#include "tests/helpers/tiny_run.h"

namespace {

enum class Calls { kAll, kRenames };

std::atomic<int> calls_left = 0;  // the process is killed after this many calls; 0: it is not killed
std::atomic<Calls> counted = Calls::kAll;

// Whether the process is to be killed at this call.
bool IsLast(Calls kind = Calls::kAll) {
  return (counted == Calls::kAll || counted == kind) && calls_left > 0 && --calls_left == 0;
}

void End() { kill(getpid(), SIGKILL); }

void EndIfLast(Calls kind = Calls::kAll) {
  if (IsLast(kind)) {
    End();
  }
}

}  // namespace

extern "C" {

int renameat2(int from_folder, const char* from, int to_folder, const char* to, unsigned int flags) noexcept {
  EndIfLast(Calls::kRenames);
  return static_cast<int>(syscall(SYS_renameat2, from_folder, from, to_folder, to, flags));
}

int rename(const char* from, const char* to) noexcept { return renameat2(AT_FDCWD, from, AT_FDCWD, to, 0); }

int unlink(const char* path) noexcept {
  EndIfLast();
  return static_cast<int>(syscall(SYS_unlinkat, AT_FDCWD, path, 0));
}

int mkdir(const char* path, mode_t mode) noexcept {
  EndIfLast();
  return static_cast<int>(syscall(SYS_mkdirat, AT_FDCWD, path, mode));
}

// Half of the bytes are written when the process is killed.
ssize_t write(int fd, const void* bytes, size_t size) {
  if (IsLast()) {
    syscall(SYS_write, fd, bytes, size / 2);
    End();
  }
  return syscall(SYS_write, fd, bytes, size);
}

int fsync(int) {  // matters only at a power cut
  EndIfLast();
  return 0;
}

}  // extern "C"

namespace metaprompt {
namespace {

const std::vector<std::string>& Sets() {
  static const auto* const sets = new std::vector<std::string>{"train.meta_steps=2", "train.validate_every=1",
                                                               "train.checkpoint_every=1", "train.valid_episodes=2"};
  return *sets;
}

// Runs in a process that is killed at its `last`-th call of this kind (0: never). Returns true if it was killed, and
// false if the run has ended.
bool KilledAt(int last, const std::string& out, Calls calls = Calls::kAll, bool events = false) {
  const ExperimentSpec spec = Spec(Sets());
  const pid_t child = fork();
  if (child == 0) {
    counted = calls;
    calls_left = last;
    const std::string record = RecordOf(spec, out, nullptr, {events, ""});
    calls_left = 0;
    if (!absl::StartsWith(record, "version: 1\n")) {
      std::cerr << record << std::endl;
      _exit(1);
    }
    _exit(0);
  }
  int status = 0;
  EXPECT_EQ(waitpid(child, &status, 0), child);
  EXPECT_TRUE(WIFSIGNALED(status) || WEXITSTATUS(status) == 0) << "call " << last;
  return WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;
}

// The files of a run that depend only on its spec. (SHA256SUMS has the checksum of environment.textproto.)
std::string Bytes(const std::string& run) {
  std::string bytes;
  for (const char* file : {"record.textproto", "best-1shot.safetensors", "checkpoint-1shot.safetensors",
                           "test-1shot-random.tsv", "test-1shot-meta-learned.tsv", "tokenizer.model"}) {
    bytes += Read(absl::StrCat(run, "/", file));
  }
  return bytes;
}

// TensorBoard finds each of the two steps and of the three validations once.
void ExpectEachStepOnce(const std::string& folder, int call) {
  using ::testing::ElementsAre;
  EventsByTag train = ReadEvents(folder + "/train");
  EventsByTag validation = ReadEvents(folder + "/validation");
  for (const char* tag : {"loss", "accuracy", "gradient_norm", "rate/encoder", "episodes_per_second"}) {
    EXPECT_THAT(StepsOf(train[tag]), ElementsAre(1, 2)) << tag << ", call " << call;
  }
  for (const char* tag : {"accuracy", "accuracy/low", "accuracy/high", "confusion"}) {
    EXPECT_THAT(StepsOf(validation[tag]), ElementsAre(0, 1, 2)) << tag << ", call " << call;
  }
}

// Kills a run at its first call, another at its (1 + stride)-th, and so on, each in its own directory, and continues
// it. Returns the number of kills.
int KillsAndContinues(Calls calls, int stride, bool events = false) {
  const std::string whole = Folder() + "/whole";
  if (!Exists(whole)) {
    EXPECT_FALSE(KilledAt(0, whole));
  }
  const std::string bytes = Bytes(whole);
  int kills = 0;
  for (int last = 1; true; last += stride) {
    const std::string out = absl::StrCat(Folder(), "/killed-", stride, "-", last);
    if (!KilledAt(last, out, calls, events)) {
      std::filesystem::remove_all(out);
      return kills;  // the run has fewer calls
    }
    ++kills;
    if (!Exists(out)) {
      EXPECT_FALSE(KilledAt(0, out, calls, events));
    }
    EXPECT_TRUE(Bytes(out) == bytes) << "call " << last;
    if (events) {
      ExpectEachStepOnce(out + "/tensorboard/1-shot", last);
    }
    for (const auto& entry : std::filesystem::directory_iterator(out)) {
      EXPECT_THAT(entry.path().string(), ::testing::Not(::testing::HasSubstr(".tmp.")));
    }
    std::filesystem::remove_all(out);
  }
}

TEST(KillTest, AtEveryRenameTheRunGoesOn) { EXPECT_GT(KillsAndContinues(Calls::kRenames, 1), 20); }

TEST(KillTest, AtAnyCallThatWritesTheRunGoesOn) { EXPECT_GT(KillsAndContinues(Calls::kAll, 31), 8); }

TEST(KillTest, AtAnyCallThatWritesNoEventIsLostOrDoubled) {
  EXPECT_GT(KillsAndContinues(Calls::kAll, 17, /*events=*/true), 15);
}

TEST(KillTest, KilledAgainAndAgainItEnds) {
  ASSERT_FALSE(KilledAt(0, Folder() + "/once"));
  const std::string out = Folder() + "/again";
  int kills = 0;
  for (int last = 1; KilledAt(last, out); last += 11) {
    ++kills;
    ASSERT_LT(kills, 100);
  }
  EXPECT_GT(kills, 4);
  EXPECT_TRUE(Bytes(out) == Bytes(Folder() + "/once"));
}

}  // namespace
}  // namespace metaprompt
