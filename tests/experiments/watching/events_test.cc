// What TensorBoard finds of a run: each number at each step, once, with the values of the record.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>

#include <algorithm>
#include <atomic>
#include <csignal>
#include <numeric>
#include <ostream>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "experiments/runs/run.h"
#include "experiments/runs/run_directory.h"
#include "experiments/watching/event_file.h"
#include "experiments/watching/run_events.h"
#include "metaprompt/base/files.h"
#include "tests/helpers/read_events.h"
#include "tests/helpers/stop_after_lines.h"
#include "tests/helpers/tiny_run.h"

namespace metaprompt {
namespace {

using ::testing::ElementsAre;
using ::testing::StartsWith;

std::vector<int64_t> StepsTo(int64_t last) {
  std::vector<int64_t> steps(static_cast<size_t>(last));
  std::iota(steps.begin(), steps.end(), 1);
  return steps;
}

std::vector<std::string> TagsOf(const EventsByTag& events) {
  std::vector<std::string> tags;
  for (const auto& [tag, list] : events) {
    tags.push_back(tag);
  }
  return tags;
}

// Every number of the tiny run at each of its 12 steps and 4 validations.
void ExpectAllEvents(const std::string& folder) {
  const EventsByTag train = ReadEvents(folder + "/train");
  EXPECT_THAT(TagsOf(train), ElementsAre("accuracy", "episodes_per_second", "gradient_norm", "loss", "rate/encoder",
                                         "rate/prompt", "rate/words"));
  for (const auto& [tag, list] : train) {
    EXPECT_EQ(StepsOf(list), StepsTo(12)) << tag;
  }
  const EventsByTag validation = ReadEvents(folder + "/validation");
  EXPECT_THAT(TagsOf(validation), ElementsAre("accuracy", "accuracy/high", "accuracy/low", "confusion"));
  for (const auto& [tag, list] : validation) {
    EXPECT_THAT(StepsOf(list), ElementsAre(0, 5, 10, 12)) << tag;
  }
}

TEST(EventsTest, ARecordHasTheChecksumsOfItsBytes) {
  // RFC 3720, appendix B.4, and the check value of the polynomial.
  EXPECT_EQ(Crc32c(std::string(32, '\0')), 0x8a9136aaU);
  EXPECT_EQ(Crc32c(std::string(32, '\xff')), 0x62a8ab43U);
  EXPECT_EQ(Crc32c("123456789"), 0xe3069283U);
  EXPECT_EQ(Crc32c(""), 0U);
  for (const std::string& bytes : {std::string(), std::string("abc"), std::string(70000, 'x')}) {
    const std::string record = EventRecord(bytes);
    EXPECT_EQ(record.size(), bytes.size() + 16);
    EXPECT_THAT(RecordsOf(record + record.substr(0, record.size() - 1)), ElementsAre(bytes));
  }
  EXPECT_EQ(Preformatted("a\n b"), "    a\n     b");
}

TEST(EventsTest, EveryNumberIsThereAndTheRecordIsTheSame) {
  const std::string out = Folder() + "/numbers";
  RunRecord record;
  EXPECT_EQ(RecordOf(Spec(), out, &record, {true, ""}), Undisturbed());
  const std::string folder = out + "/tensorboard/1-shot";
  ExpectAllEvents(folder);
  EventsByTag train = ReadEvents(folder + "/train");
  EventsByTag validation = ReadEvents(folder + "/validation");
  const auto& curve = record.results(0).curve();
  ASSERT_EQ(curve.size(), 4);
  for (int i = 0; i < 4; ++i) {
    const CurvePoint& point = curve.at(i);
    const auto at = static_cast<size_t>(i);
    EXPECT_FLOAT_EQ(validation["accuracy"][at].value, point.valid_accuracy());
    EXPECT_FLOAT_EQ(validation["accuracy/low"][at].value, point.valid_accuracy() - point.valid_half_width());
    EXPECT_FLOAT_EQ(validation["accuracy/high"][at].value, point.valid_accuracy() + point.valid_half_width());
    // The diagonal of the matrix is what was right of 6 episodes of 3 ways with 4 queries.
    int64_t right = 0;
    int64_t texts = 0;
    for (const auto line : absl::StrSplit(validation["confusion"][at].text, '\n')) {
      const std::vector<std::string> cells = absl::StrSplit(line, ' ', absl::SkipEmpty());
      if (cells.size() > 2 && absl::StartsWith(cells[1], "class") && cells[0].size() == 1) {
        for (size_t c = 2; c < cells.size(); ++c) {
          const int64_t count = cells[c] == "." ? 0 : std::stoll(cells[c]);
          texts += count;
          right += std::to_string(c - 1) == cells[0] ? count : 0;
        }
      }
    }
    EXPECT_EQ(texts, 72) << validation["confusion"][at].text;
    EXPECT_NEAR(static_cast<double>(right) / 72, point.valid_accuracy(), 1e-12);
    if (i == 0) {
      continue;
    }
    // The record has means over the steps since the last validation.
    const int64_t begin = curve.at(i - 1).meta_step();
    double loss = 0;
    double accuracy = 0;
    for (int64_t step = begin; step < point.meta_step(); ++step) {
      loss += train["loss"][static_cast<size_t>(step)].value;
      accuracy += train["accuracy"][static_cast<size_t>(step)].value;
    }
    EXPECT_NEAR(loss / static_cast<double>(point.meta_step() - begin), point.query_loss(), 1e-5);
    EXPECT_NEAR(accuracy / static_cast<double>(point.meta_step() - begin), point.query_accuracy(), 1e-6);
  }
  for (int64_t step = 1; step <= 12; ++step) {
    // One step of warm-up, then a line to 0 at the end.
    const double share = step == 1 ? 0.5 : static_cast<double>(13 - step) / 11;
    const auto at = static_cast<size_t>(step - 1);
    EXPECT_FLOAT_EQ(train["rate/encoder"][at].value, 0.01 * share);
    EXPECT_FLOAT_EQ(train["rate/words"][at].value, 0.01 * share);
    EXPECT_FLOAT_EQ(train["rate/prompt"][at].value, 0.001 * share);
    EXPECT_GT(train["gradient_norm"][at].value, 0);
    EXPECT_GT(train["episodes_per_second"][at].value, 0);
  }
  EventsByTag spec = ReadEvents(out + "/tensorboard");
  ASSERT_THAT(StepsOf(spec["spec"]), ElementsAre(0));
  EXPECT_EQ(spec["spec"][0].text, Preformatted(Read(out + "/spec.textproto")));
}

TEST(EventsTest, StoppedAndContinuedEachStepIsThereOnce) {
  for (const int line : {3, 4}) {  // the validations at 5 and 10
    for (const bool from_the_beginning : {true, false}) {
      const std::string out = absl::StrCat(Folder(), "/events", line, from_the_beginning);
      std::atomic<bool> stop(false);
      StopAfterLines buffer(line, &stop);
      std::ostream shown(&buffer);
      Progress progress(&shown, false);
      ASSERT_TRUE(
          absl::IsCancelled(RunExperiment(Spec(), out, &progress, stop, false, {from_the_beginning, ""}).status()));
      EXPECT_EQ(RecordOf(Spec(), out, nullptr, {true, ""}), Undisturbed());
      if (from_the_beginning) {
        ExpectAllEvents(out + "/tensorboard/1-shot");
        continue;
      }
      // The steps without events are missing; the validations come from the run's state.
      EventsByTag train = ReadEvents(out + "/tensorboard/1-shot/train");
      EXPECT_EQ(train["loss"].rbegin()->step, 12);
      EventsByTag validation = ReadEvents(out + "/tensorboard/1-shot/validation");
      EXPECT_THAT(StepsOf(validation["accuracy"]), ElementsAre(0, 5, 10, 12));
    }
  }
}

// The first process is killed with events that are ahead of its checkpoint.
TEST(EventsTest, EventsAheadOfTheCheckpointDoNotCount) {
  EventsOption option = {true, Folder() + "/ahead"};
  {
    auto events = RunEvents::Open(option, "", "name: 'x'\n");
    ASSERT_TRUE(events.ok());
    auto training = (*events)->Begin("1-shot", 0, -1);
    ASSERT_TRUE(training.ok());
    EXPECT_FALSE((*training)->continues_validations());
    for (int64_t step = 1; step <= 7; ++step) {
      ASSERT_TRUE((*training)->Step(step, {{"loss", 1}}).ok());
    }
    ASSERT_TRUE((*training)->Validation(5, {{"accuracy", 0.5}}, {{"confusion", "a"}}).ok());
    (*events)->Keep();  // as if the process were killed here
  }
  auto events = RunEvents::Open(option, "", "name: 'x'\n");
  auto training = (*events)->Begin("1-shot", 5, -1);  // saved before the validation was
  EXPECT_TRUE((*training)->continues_validations());
  ASSERT_TRUE((*training)->Validation(5, {{"accuracy", 0.25}}, {{"confusion", "b"}}).ok());
  ASSERT_TRUE((*training)->Step(6, {{"loss", 2}}).ok());
  EventsByTag train = ReadEvents(option.folder + "/1-shot/train");
  EXPECT_THAT(StepsOf(train["loss"]), ElementsAre(1, 2, 3, 4, 5, 6));
  EXPECT_EQ(train["loss"].back().value, 2);
  EventsByTag validation = ReadEvents(option.folder + "/1-shot/validation");
  EXPECT_THAT(StepsOf(validation["accuracy"]), ElementsAre(5));
  EXPECT_EQ(validation["accuracy"][0].value, 0.25);
  EXPECT_EQ(validation["confusion"][0].text, "b");
  EXPECT_THAT(StepsOf(ReadEvents(option.folder)["spec"]), ElementsAre(0));
  RemoveEvents(option.folder);
  EXPECT_FALSE(Exists(option.folder));
}

TEST(EventsTest, AFolderThatCannotHoldEventsIsOneError) {
  const auto error_in = [](const std::string& folder, const std::string& out) {
    const std::string error = RecordOf(Spec(), Folder() + "/" + out, nullptr, {true, folder});
    EXPECT_FALSE(Exists(Folder() + "/" + out + ".partial")) << error;
    return error;
  };
  ASSERT_TRUE(WriteFileAtomically(Folder() + "/file", "").ok());
  EXPECT_EQ(error_in(Folder() + "/file", "in-file"), absl::StrCat("cannot make ", Folder(), "/file: Not a directory"));
  const std::string shared = Folder() + "/shared";
  RunEvents::Open({true, shared}, "", "name: 'other'\n").value()->Keep();
  EXPECT_EQ(error_in(shared, "other"),
            absl::StrCat(shared,
                         ": it has the events of a run with another spec; name another folder with --tensorboard=DIR"));
  // A full disk, or nearly: a file size that is not allowed.
  std::signal(SIGXFSZ, SIG_IGN);
  struct rlimit before;
  ASSERT_EQ(getrlimit(RLIMIT_FSIZE, &before), 0);
  auto file = EventFile::Create(Folder() + "/full", 0);
  ASSERT_TRUE(file.ok());
  struct rlimit small = before;
  small.rlim_cur = 200;
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &small), 0);
  const absl::Status full = (*file)->Add(1, {{"loss", 1}}, {{"text", std::string(300, 'x')}});
  setrlimit(RLIMIT_FSIZE, &before);
  EXPECT_EQ(full.message(),
            absl::StrCat("cannot write ", Folder(), "/full/events.out.tfevents.000000: File too large"));
  EXPECT_TRUE(ReadEvents(Folder() + "/full").empty());  // the part of a record is ignored
}

TEST(EventsTest, ARunThatMadeNothingLeavesNoEvents) {
  const std::string out = Folder() + "/nothing";
  const std::string error = RecordOf(Spec({"dataset.tsv.path=/nowhere"}), out, nullptr, {true, ""});
  EXPECT_THAT(error, StartsWith("/nowhere: No such file"));
  EXPECT_FALSE(Exists(out + ".partial"));
  // Another spec takes over the folder of a process that was killed before it had made anything.
  const std::string partial = out + ".partial/";
  {
    auto directory = RunDirectory::Open(out, "name: 'x'\n");
    ASSERT_TRUE(directory.ok());
    RunEvents::Open({true, ""}, (*directory)->folder(), "name: 'x'\n").value()->Keep();
    ASSERT_TRUE(Exists(partial + "tensorboard/events.out.tfevents.000000"));
  }
  EXPECT_TRUE(RunDirectory::Open(out, "name: 'y'\n").ok());
  EXPECT_FALSE(Exists(partial + "tensorboard"));
}

}  // namespace
}  // namespace metaprompt
