// Training without tasks: steps in several parts, stops within a step, threads, and the end of a run.
#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <sstream>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "experiments/runs/run_directory.h"
#include "experiments/runs/run_life.h"
#include "experiments/training/epochs.h"
#include "experiments/training/train_steps.h"
#include "experiments/training/training_step.h"
#include "metaprompt/base/files.h"
#include "metaprompt/base/random.h"
#include "metaprompt/specs/spec_fields.h"
#include "tests/helpers/tiny_run.h"

namespace metaprompt {
namespace {

using ::testing::HasSubstr;

// Regression whose mean is over so many numbers that several threads would share the sum and round differently. Part p
// of step s has its own data. The objective asks to stop in a part of a step, or, if the step is even, before the
// parts.
class Regression : public Objective {
 public:
  static constexpr int64_t kWidth = 256;

  Regression(int64_t parts, int64_t stop_in_step, std::atomic<bool>* stop)
      : parts_(parts), stop_in_step_(stop_in_step), stop_(stop) {
    ParamInfo matrix;
    matrix.name = "matrix";
    matrix.shape = {kWidth, kWidth};
    matrix.layer = 1;
    matrix.decay = true;
    infos_ = {matrix};
  }

  const std::vector<ParamInfo>& infos() const override { return infos_; }

  TrainingBatch Batch(int64_t step) override {
    TrainingBatch batch;
    for (int64_t part = 0; part < parts_; ++part) {
      batch.before.emplace_back([this, step, part](const ParamList& /*params*/) {
        EXPECT_FALSE(at::GradMode::is_enabled());
        if (step == stop_in_step_ && part == 0 && step % 2 == 0) {
          *stop_ = true;
        }
        ++prepared_;
      });
      batch.parts.emplace_back([this, step, part](const ParamList& params) {
        EXPECT_EQ(prepared_ % parts_, 0) << "all of `before` comes before the parts";
        if (step == stop_in_step_ && part == 0 && step % 2 == 1) {
          *stop_ = true;  // the parts that have begun are finished
        }
        at::Tensor x = at::empty({kWidth, kWidth}, at::kFloat);
        FillNormal(SubSeed(1, "x", static_cast<uint64_t>(step * 100 + part)), 1, x.data_ptr<float>(), x.numel());
        return PartLoss{(at::mm(x, params[0]) - x).square().mean() / static_cast<double>(parts_), 1.0};
      });
    }
    batch.counted = 2 * static_cast<double>(parts_);
    return batch;
  }

  absl::StatusOr<Validation> Validate(const ParamList& params, TaskPool* /*pool*/, Progress* /*progress*/) override {
    Validation valid;
    const at::Tensor away = params[0] - at::eye(kWidth);
    const float* numbers = away.data_ptr<float>();  // summed here: LibTorch's sum depends on the number of threads
    for (int64_t i = 0; i < away.numel(); ++i) {
      valid.loss += static_cast<double>(numbers[i]) * static_cast<double>(numbers[i]);
    }
    valid.accuracy = 0.5;
    valid.score = -valid.loss;
    return valid;
  }

 private:
  const int64_t parts_;
  const int64_t stop_in_step_;  // -1: none
  std::atomic<bool>* const stop_;
  std::atomic<int64_t> prepared_ = 0;
  std::vector<ParamInfo> infos_;
};

// Trains in calls that are stopped within every `every`-th step (0: never), and returns the parameters and the curve.
std::string Trained(const std::string& name, int64_t parts, int threads, int64_t every) {
  StepsSpec steps;
  steps.set_steps(7);
  steps.set_validate_every(3);
  steps.set_checkpoint_every(100);
  OptimizerSpec optimizer;
  optimizer.set_lr(0.01);
  std::ostringstream shown;
  Progress progress(&shown, false);
  for (int64_t next = every;; next += every) {
    std::atomic<bool> stop(false);
    Regression objective(parts, every == 0 ? -1 : next - 1, &stop);
    absl::StatusOr<std::unique_ptr<RunDirectory>> directory =
        RunDirectory::Open(absl::StrCat(Folder(), "/", name), "spec");
    EXPECT_TRUE(directory.ok()) << directory.status();
    TaskPool pool(threads, &stop);
    const TrainingContext context = {directory->get(), &pool, &progress, &stop, at::kCPU};
    const auto start = []() -> absl::StatusOr<ParamList> {
      return ParamList{at::zeros({Regression::kWidth, Regression::kWidth})};
    };
    const absl::StatusOr<TrainedSteps> trained = TrainSteps("training", steps, optimizer, start, context, &objective);
    if (trained.ok()) {
      EXPECT_TRUE(every == 0 || next > every) << "it was never stopped";
      return absl::StrCat(CurveText(trained->state), Read((*directory)->File("best.safetensors")),
                          Read((*directory)->File("checkpoint-training.safetensors")));
    }
    EXPECT_TRUE(absl::IsCancelled(trained.status())) << trained.status();
    if (next > 40) {
      return "it never ends";
    }
  }
}

TEST(TrainingTest, StoppedInsideOfAnyStepItEndsWithTheSameBits) {
  const std::string whole = Trained("whole", 3, 1, 0);
  EXPECT_THAT(whole, HasSubstr("\n6\t"));
  for (const int64_t every : {1, 2, 3}) {
    EXPECT_EQ(Trained(absl::StrCat("pieces", every), 3, 1, every), whole) << "stopped in every step " << every;
  }
}

TEST(TrainingTest, MoreThreadsThanPartsChangeNothing) {
  const std::string whole = Trained("one-thread", 3, 1, 0);
  EXPECT_EQ(Trained("two-threads", 3, 2, 0), whole);
  EXPECT_EQ(Trained("five-threads", 3, 5, 0), whole);
}

TEST(TrainingTest, AStepSumsItsPartsAndNamesWhatIsNotFinite) {
  std::atomic<bool> stop(false);
  Regression objective(4, -1, &stop);
  const ParamList start = {at::full({Regression::kWidth, Regression::kWidth}, 0.01)};
  LearnerState state = StartLearning({start[0].clone()});
  TaskPool pool(1);
  OptimizerSpec optimizer;
  optimizer.set_lr(0.5);
  optimizer.set_layer_decay(0.5);
  const absl::StatusOr<TrainingStats> stats =
      TrainingStep(optimizer, objective.infos(), 10, objective.Batch(0), &pool, &state);
  ASSERT_TRUE(stats.ok()) << stats.status();
  EXPECT_EQ(stats->correct, 4);
  double loss = 0;
  for (const auto& part : objective.Batch(0).parts) {
    loss += part(start).loss.item<double>();
  }
  EXPECT_NEAR(stats->loss, loss, 1e-6);
  // Adam's first step moves each number by its step size against the sign of the gradient. Here this is half of 0.5,
  // because of a warm-up over one of ten steps. Weight decay is 0.01 times that.
  const double rate = 0.5 * 0.5;
  const at::Tensor moved = ((start[0] * (1 - 0.01 * rate) - state.params[0]) / rate).abs();
  EXPECT_NEAR(moved.median().item<double>(), 1, 1e-3);

  ParamInfo low;
  low.layer = 0;
  ParamInfo high;
  high.layer = 2;
  ParamInfo words = low;
  words.vocab_rows = true;
  EXPECT_EQ(PeakRates(optimizer, {words, low, high}), (std::vector<double>{0.125, 0.125, 0.5}));
  optimizer.set_word_lr(3);
  EXPECT_EQ(PeakRates(optimizer, {words, low, high}), (std::vector<double>{3, 0.125, 0.5}));

  TrainingBatch broken;
  broken.parts.emplace_back([](const ParamList& params) { return PartLoss{params[0].sum() * INFINITY, 0}; });
  const at::Tensor before = state.params[0].clone();
  EXPECT_THAT(std::string(TrainingStep(optimizer, objective.infos(), 10, broken, &pool, &state).status().message()),
              HasSubstr("step 1: the loss is -inf; a smaller optimizer.lr"));
  EXPECT_TRUE(at::equal(before, state.params[0]));
}

TEST(TrainingTest, AnEpochHasEverythingOnceInAnOrderOfItsOwn) {
  Epochs epochs(7, 20);
  std::vector<std::vector<size_t>> orders(3);
  for (int64_t position = 0; position < 60; ++position) {
    orders[static_cast<size_t>(position / 20)].push_back(epochs.At(position));
  }
  std::vector<size_t> all(20);
  for (size_t i = 0; i < all.size(); ++i) {
    all[i] = i;
  }
  for (const std::vector<size_t>& order : orders) {
    EXPECT_THAT(order, ::testing::UnorderedElementsAreArray(all));
  }
  EXPECT_NE(orders[0], orders[1]);
  EXPECT_EQ(Epochs(7, 20).At(45), orders[2][5]);
}

// If the folder of a run whose work is done cannot get its final name, the run loses nothing, and nothing is done
// twice.
TEST(RunLifeTest, WhatIsDoneStays) {
  const std::string out = Folder() + "/life";
  std::ostringstream shown;
  Progress progress(&shown, false);
  int works = 0;
  RunLife<std::string> run;
  run.spec_text = "spec";
  run.out = out;
  run.record_file = "record.txt";
  run.read = [](const std::string& folder) { return ReadFile(folder + "/record.txt"); };
  run.spec_text_of = [](const std::string& record) { return record; };
  run.work = [&](RunDirectory* directory) -> absl::StatusOr<std::string> {
    ++works;
    EXPECT_TRUE(directory->Write("record.txt", "spec").ok());
    std::filesystem::create_directories(out + "/in/the/way");
    return "spec";
  };
  run.clean = [](const RunDirectory& directory) { directory.Remove("spec.textproto.old"); };
  EXPECT_THAT(std::string(LiveRun(run, &progress).status().message()), HasSubstr("cannot rename"));
  EXPECT_EQ(Read(out + ".partial/record.txt"), "spec");
  std::filesystem::remove_all(out);
  const absl::StatusOr<std::string> ended = LiveRun(run, &progress);
  ASSERT_TRUE(ended.ok()) << ended.status();
  EXPECT_EQ(works, 1);
  EXPECT_FALSE(Exists(out + ".partial"));
  EXPECT_TRUE(LiveRun(run, &progress).ok());
  EXPECT_THAT(shown.str(), HasSubstr("complete already"));
  run.spec_text = "another";
  EXPECT_THAT(std::string(LiveRun(run, &progress).status().message()), HasSubstr("another spec"));
}

}  // namespace
}  // namespace metaprompt
