// A run that is killed at a system call that changes files, and then continued, leaves the same bytes, whichever call
// it was. This file replaces the functions of the C library that change files by functions that count their calls. They
// also note which files are flushed, because a test cannot cut the power.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <filesystem>
#include <iostream>
#include <string>
#include <system_error>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "metaprompt/base/files.h"
#include "metaprompt/base/new_folder.h"
#include "tests/helpers/read_events.h"
#include "tests/helpers/tiny_run.h"

namespace {

enum class Calls { kAll, kRenames };

std::atomic<int> calls_left = 0;  // the process is killed after this many calls; 0: it is not killed
std::atomic<Calls> counted = Calls::kAll;

// A flush, or a rename if there is a `folder`.
struct Note {
  std::string path;    // the file or folder that is flushed, or that gets another name
  std::string folder;  // in which it gets that name
};

std::vector<Note>* notes = nullptr;  // of each flush and rename, if set

std::string WithoutLinks(const std::filesystem::path& path) {
  std::error_code error;
  return std::filesystem::canonical(path, error).string();
}

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
  if (notes != nullptr) {
    notes->push_back({WithoutLinks(from), WithoutLinks(std::filesystem::path(to).parent_path())});
  }
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

int fsync(int fd) {  // matters only at a power cut
  EndIfLast();
  if (notes != nullptr) {
    notes->push_back({WithoutLinks(absl::StrCat("/proc/self/fd/", fd)), ""});
  }
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

// A new name is on the disk when its folder is flushed. The bytes must be there before, or the name may lead to a file
// without them.
TEST(KillTest, BytesAreFlushedBeforeTheirNameAndTheirFolderAfterIt) {
  std::vector<Note> all;
  notes = &all;
  const std::string record = RecordOf(Spec(Sets()), Folder() + "/flushed");
  {
    NewFolder made = NewFolder::Create(Folder() + "/made").value();
    EXPECT_TRUE(WriteFileAtomically(made.path() + "/file", "x").ok());
    EXPECT_TRUE(made.Commit().ok());
  }
  notes = nullptr;
  EXPECT_TRUE(absl::StartsWith(record, "version: 1\n")) << record;
  const auto is_rename = [](const Note& note) { return !note.folder.empty(); };
  int renames = 0;
  for (auto note = all.begin(); note != all.end(); ++note) {
    if (!is_rename(*note)) {
      continue;
    }
    ++renames;
    const auto flushed = [&](auto begin, auto end, const std::string& path) {
      return std::any_of(begin, end, [&](const Note& one) { return !is_rename(one) && one.path == path; });
    };
    EXPECT_TRUE(flushed(all.begin(), note, note->path)) << note->path;
    EXPECT_TRUE(flushed(note, std::find_if(note + 1, all.end(), is_rename), note->folder)) << "after " << note->path;
  }
  EXPECT_GT(renames, 20);
}

}  // namespace
}  // namespace metaprompt
