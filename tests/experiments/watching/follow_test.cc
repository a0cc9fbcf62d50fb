// Watching runs that other processes work on.
#include "experiments/watching/follow.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <memory>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "experiments/host/progress.h"
#include "experiments/runs/run_directory.h"
#include "experiments/watching/run_status.h"
#include "tests/helpers/command_line_fixture.h"

namespace metaprompt {
namespace {

class FollowTest : public CommandLineTest {
 protected:
  RunState StateOf(const std::string& run) const { return Observe(folder_ + run).state; }

  std::unique_ptr<RunDirectory> Open(const std::string& run) const {
    auto directory = RunDirectory::Open(folder_ + run, "name: 'x'\n");
    EXPECT_TRUE(directory.ok()) << directory.status();
    return *std::move(directory);
  }

  // What Follow prints, and its error.
  std::string Followed(const std::vector<std::string>& runs, bool stop = false) const {
    FollowOptions options;
    for (const std::string& run : runs) {
      options.runs.push_back(folder_ + run);
    }
    std::ostringstream out;
    const std::atomic<bool> stopped(stop);
    const absl::Status status = Follow(options, &out, stopped);
    return absl::StrReplaceAll(absl::StrCat(out.str(), status.message()), {{folder_, "$"}});
  }
};

TEST_F(FollowTest, ARunGoesThroughItsStates) {
  EXPECT_EQ(StateOf("run"), RunState::kWaiting);
  std::unique_ptr<RunDirectory> directory = Open("run");
  EXPECT_EQ(StateOf("run"), RunState::kRunning);
  ProgressNow now;
  now.what = "1-shot meta-training";
  now.unit = "meta-steps";
  now.done = 40;
  now.total = 600;
  now.detail = "loss 1.2345, query 52.0 %";
  now.rate = 3.5;
  now.seconds_left = 160;
  now.last_validation = "51.00 ± 2.00 %";
  now.best_validation = "52.50 ± 1.90 %";
  directory->Post(StatusText(now));
  now.detail = "";  // a shorter text replaces a longer one
  directory->Post(StatusText(now));
  EXPECT_EQ(Followed({"run", "next"}, /*stop=*/true),
            "$run: running, 1-shot meta-training 40/600, validation 51.00 ± 2.00 %, best 52.50 ± 1.90 %, 3.5/s, at "
            "most 2 min 40 s left\n"
            "$next: waiting\n"
            "stopped following; the runs go on");
  EXPECT_EQ(StatusTable({"a", "b"}, {Observe(folder_ + "run"), Observe(folder_ + "next")}),
            "run  state    work                               left  validation      best             rate\n"
            "a    running  1-shot meta-training 40/600  2 min 40 s  51.00 ± 2.00 %  52.50 ± 1.90 %  3.5/s\n"
            "b    waiting\n");
  directory = nullptr;
  EXPECT_EQ(StateOf("run"), RunState::kStopped);
  EXPECT_EQ(Followed({"run"}, /*stop=*/true),
            "$run: stopped, 1-shot meta-training 40/600, validation 51.00 ± 2.00 %, best 52.50 ± 1.90 %\n"
            "stopped following; the runs go on");
  directory = Open("run");
  directory->Post(StatusText(absl::InvalidArgumentError("meta-step 41: the query loss is nan")));
  EXPECT_EQ(StateOf("run"), RunState::kRunning);
  directory = nullptr;
  EXPECT_EQ(StateOf("run"), RunState::kFailed);
  directory = Open("run");
  ASSERT_TRUE(directory->Finish().ok());
  EXPECT_EQ(StateOf("run"), RunState::kFinished);
  Write("lost.log", "data and encoder: ...\nerror: cannot read words.tsv\n");
  EXPECT_EQ(Followed({"run", "lost"}), "$run: finished\n$lost: failed, cannot read words.tsv\n1 of 2 runs failed");
}

// Followers lock the file for a moment. A run that begins in that moment must not believe that it is taken.
TEST_F(FollowTest, ARunBeginsInSpiteOfFollowers) {
  ASSERT_NE(Open("run"), nullptr);
  std::atomic<bool> end(false);
  std::vector<std::thread> followers;
  for (int i = 0; i < 2; ++i) {
    followers.emplace_back([&] {
      while (!end) {
        Observe(folder_ + "run");
      }
    });
  }
  for (int i = 0; i < 200; ++i) {
    ASSERT_NE(Open("run"), nullptr) << i;
  }
  end = true;
  for (std::thread& follower : followers) {
    follower.join();
  }
}

TEST_F(FollowTest, TheCommandFollowsRealRuns) {
  EXPECT_EQ(FollowedRun("runs/a.partial/"), "runs/a");
  StoppedRun();
  Outcome outcome = Command({"report", "--follow", "$run", "$run.partial/", "$data.tsv"}, /*stop=*/true);
  EXPECT_EQ(outcome.status, 130);
  EXPECT_EQ(outcome.out, In("$run: stopped, 1-shot meta-training 0/2\n"));
  EXPECT_EQ(outcome.err, "$data.tsv: not a run; left out\nstopped following; the runs go on\n");
  ASSERT_EQ(Command(RunHere()).status, 0);
  outcome = Command({"report", "--follow", "$run"});
  EXPECT_EQ(outcome.status, 0);
  EXPECT_EQ(outcome.out, In("$run: finished\n"));
  EXPECT_EQ(Error({"report", "--follow", "$data.tsv"}), "no run is named");
  EXPECT_EQ(Error({"report", "--follow", "--chart", "$run"}, 2),
            "--chart excludes --follow; see `metaprompt report --help`");
}

TEST_F(FollowTest, TheOptionOfTensorBoardIsOneWord) {
  ASSERT_EQ(Command({"run", "--tensorboard", "$tiny.textproto", "--out", "$run"}).status, 0);
  EXPECT_TRUE(Exists("run/tensorboard/1-shot/train/events.out.tfevents.000000"));
  ASSERT_EQ(Command({"run", "--tensorboard=$events", "$tiny.textproto", "--out", "$other"}).status, 0);
  EXPECT_TRUE(Exists("events/1-shot/validation/events.out.tfevents.000000"));
  EXPECT_FALSE(Exists("other/tensorboard"));
  EXPECT_EQ(Read("other/record.textproto"), Read("run/record.textproto"));
  Write("sweep.textproto", "spec: 'tiny.textproto' seed: [0, 1] axis { choice { name: 'a' } }");
  const Outcome plan = Command({"sweep", "$sweep.textproto", "--tensorboard=$tb", "--out", "$s", "--dry-run"});
  EXPECT_THAT(plan.out, ::testing::HasSubstr(In(" --tensorboard=$tb/a-seed1\n"))) << plan.err;
}

}  // namespace
}  // namespace metaprompt
