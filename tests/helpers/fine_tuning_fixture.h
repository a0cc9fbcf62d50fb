// Tests of `metaprompt finetune`, on texts or on images.
#ifndef TESTS_HELPERS_FINE_TUNING_FIXTURE_H_
#define TESTS_HELPERS_FINE_TUNING_FIXTURE_H_

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <atomic>
#include <cmath>
#include <ostream>
#include <sstream>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "experiments/fine_tuning/classification.h"
#include "experiments/fine_tuning/encoder_classifier.h"
#include "experiments/fine_tuning/fine_tune.h"
#include "experiments/fine_tuning/fine_tuning_record.h"
#include "experiments/fine_tuning/fine_tuning_spec.h"
#include "experiments/fine_tuning/labelled_inputs.h"
#include "experiments/host/progress.h"
#include "experiments/training/objective.h"
#include "learners/inner/gradients.h"
#include "learners/inner/task_pool.h"
#include "metaprompt/base/hash.h"
#include "metaprompt/base/random.h"
#include "metaprompt/model/params.h"
#include "tests/helpers/command_line_fixture.h"
#include "tests/helpers/differences.h"
#include "tests/helpers/stop_after_lines.h"

namespace metaprompt {

// The spec is $tuned.textproto.
class FineTuningFixture : public CommandLineTest {
 protected:
  FineTuningSpec SpecWith(const std::vector<std::string>& sets = {}) const {
    const absl::StatusOr<FineTuningSpec> spec = LoadFineTuningSpec(folder_ + "tuned.textproto", sets);
    EXPECT_TRUE(spec.ok()) << spec.status();
    return *spec;
  }

  Outcome Tune(const std::string& out, const std::vector<std::string>& sets = {}, bool stop = false) const {
    return Command(Arguments(out, sets), stop);
  }

  FineTuningRecord RecordIn(const std::string& out) const {
    const absl::StatusOr<FineTuningRecord> record = ReadFineTuning(folder_ + out);
    EXPECT_TRUE(record.ok()) << record.status();
    return record.ok() ? *record : FineTuningRecord();
  }

  std::string TuneError(const std::vector<std::string>& sets) const {
    const std::string error = Error(Arguments("bad", sets));
    EXPECT_FALSE(Exists("bad") || Exists("bad.partial")) << error;
    return error;
  }

  // The files that do not depend on time.
  std::string BytesOf(const std::string& out) const {
    std::string bytes;
    for (const char* const file :
         {"fine_tuning.textproto", "model.safetensors", "classifier.safetensors", "config.json", "curve.tsv",
          "test-predictions.tsv", "seen_texts.txt", "tokenizer.model", "preprocessor_config.json"}) {
      absl::StrAppend(&bytes, file, " ", Exists(out + "/" + file) ? Sha256(Read(out + "/" + file)) : "", "\n");
    }
    return bytes;
  }

  // Fine-tunes in processes that are asked to stop after `lines` lines of progress each, until one of them is complete.
  FineTuningRecord TunedWithStops(const std::string& out, int lines) const {
    int processes = 0;
    absl::StatusOr<FineTuningRecord> record = absl::CancelledError("");
    while (absl::IsCancelled(record.status()) && ++processes < 40) {
      std::atomic<bool> stop(false);
      StopAfterLines buffer(lines + 1, &stop);
      std::ostream stream(&buffer);
      Progress progress(&stream, false);
      record = FineTune(SpecWith(), folder_ + out, &progress, stop, false, {true, ""});
    }
    EXPECT_TRUE(record.ok()) << record.status();
    EXPECT_GT(processes, 1);
    return record.ok() ? *record : FineTuningRecord();
  }

  // The sum of the parts' gradients is the derivative of the mean loss of a batch of all examples, and this loss is
  // their cross-entropy. `params` are double.
  static void ExpectGradientOfMeanLoss(const FineTuningSpec& spec, const EncoderClassifier& classifier,
                                       const LabelledInputs& examples, const ParamList& params, Random* random) {
    Classification objective(spec, &classifier, &examples, &examples, at::kCPU);
    EXPECT_EQ(objective.steps_per_epoch(), 1);
    const TrainingBatch batch = objective.Batch(0);
    EXPECT_EQ(batch.parts.size(), 3U);
    const auto loss_at = [&](const ParamList& at) {
      double loss = 0;
      for (const auto& part : batch.parts) {
        loss += part(at).loss.item<double>();
      }
      return loss;
    };
    std::ostringstream nowhere;
    Progress progress(&nowhere, false);
    TaskPool pool(1);
    const absl::StatusOr<Predictions> predicted =
        Predict(classifier, params, examples, at::kCPU, "x", &pool, &progress);
    ASSERT_TRUE(predicted.ok());
    EXPECT_NEAR(loss_at(params), predicted->loss, 1e-12);
    ParamList grads(params.size());
    const ParamList leaves = WithGraph(params);
    for (const auto& part : batch.parts) {
      const ParamList of_part = Gradients({part(leaves).loss}, leaves, {}, false, false);
      for (size_t i = 0; i < grads.size(); ++i) {
        Add(of_part[i], &grads[i]);
      }
    }
    for (size_t i = 0; i < params.size(); ++i) {
      ParamList direction(params.size());
      direction[i] = RandomTensor(params[i].sizes(), random);
      ASSERT_TRUE(grads[i].defined()) << classifier.infos()[i].name;
      const double along = (grads[i] * direction[i]).sum().item<double>();
      EXPECT_NEAR(Difference<double>(params, direction, loss_at), along, 1e-7 * (1 + std::abs(along)))
          << classifier.infos()[i].name;
    }
  }

  // The parameters in double, moved a little at random.
  static ParamList Moved(ParamList params, Random* random) {
    for (at::Tensor& param : params) {
      param = param.to(at::kDouble) + 0.1 * RandomTensor(param.sizes(), random);
    }
    return params;
  }

 private:
  static std::vector<std::string> Arguments(const std::string& out, const std::vector<std::string>& sets) {
    std::vector<std::string> arguments = {"finetune", "$tuned.textproto", "--out", "$" + out};
    for (const std::string& set : sets) {
      arguments.insert(arguments.end(), {"--set", set});
    }
    return arguments;
  }
};

}  // namespace metaprompt

#endif  // TESTS_HELPERS_FINE_TUNING_FIXTURE_H_
