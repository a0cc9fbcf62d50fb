// Everything that an experiment uses, made from its spec before the first step.
#ifndef EXPERIMENTS_WORKBENCH_WORKBENCH_H_
#define EXPERIMENTS_WORKBENCH_WORKBENCH_H_

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "datasets/dataset.h"
#include "episodes/sampler.h"
#include "episodes/task_source.h"
#include "experiments/experiment.pb.h"
#include "experiments/result.pb.h"
#include "experiments/workbench/model_assembly.h"
#include "experiments/workbench/run_data.h"
#include "experiments/workbench/seen_texts.h"
#include "experiments/workbench/starts.h"
#include "experiments/workbench/test_set.h"
#include "metaprompt/prompt_model.h"
#include "metaprompt/tokenizers/tokenizer.h"

namespace metaprompt {

// Joins the data (run_data.h), the sealed test set (test_set.h), the model (model_assembly.h) and its initial
// parameters (starts.h). Keeps the prompted tokens, or the images, of each split.
class Workbench {
 public:
  // Loads the data and checks it against the spec, then makes or loads tokenizer and encoder. `tokenizer`: the files of
  // a stopped run's tokenizer, which is used again; empty for a new run. Each input file is read only once.
  static absl::StatusOr<std::unique_ptr<Workbench>> Open(const ExperimentSpec& spec, const TokenizerFiles& tokenizer);

  const ExperimentSpec& spec() const { return spec_; }
  const Dataset& dataset() const { return data_->dataset(); }
  // Only if the data are texts.
  const Tokenizer& tokenizer() const { return *assembled_.parts.tokenizer; }
  // See InputFiles in model_assembly.h.
  TokenizerFiles input_files() const { return InputFiles(assembled_.parts); }
  const PromptModel& model() const { return *assembled_.model; }
  // The encoder's config.json, to save beside its parameters.
  const std::string& config_json() const { return assembled_.parts.config_json; }
  // Where the run's tensors are.
  at::Device device() const { return device_; }

  const DatasetFacts& dataset_facts() const { return data_->facts(); }
  const ModelFacts& model_facts() const { return model_facts_; }

  // The texts that the encoder was trained on before this run, as far as the folders that it starts from list them.
  // None of them is a text of a test class, unless model.allow_seen_test_texts is set.
  const SeenTexts& seen() const { return seen_; }

  // Sealed until meta-test begins with test_set().Begin().
  TestSet& test_set() { return *test_set_; }
  const TestSet& test_set() const { return *test_set_; }

  // The texts of a split in their prompts, tokenised on first use, or its images. It is an error to ask for the test
  // split outside meta-test.
  absl::StatusOr<const TaskSource*> Prompted(Split split);

  // Checked by Open for all `shots` of the spec.
  absl::StatusOr<EpisodeSampler> Sampler(Split split, int shots) const { return data_->Sampler(split, shots); }
  // The sampler of meta-training, word tasks included.
  absl::StatusOr<EpisodeSampler> TrainSampler(int shots);

  // The parameters that meta-training with that many shots starts from, and that the baseline is tested with; see
  // Starts. They are on the device, and must not be changed in place.
  absl::StatusOr<ParamList> InitialParams(int shots);
  // Frees what only that number of shots needs. InitialParams must not be called for it again.
  void ForgetInitialParams(int shots) { starts_->Forget(shots); }
  // See Starts::name.
  const char* initialisation() const { return starts_->name(); }

 private:
  Workbench() = default;

  absl::StatusOr<std::unique_ptr<TaskSource>> MakeSource(Split split) const;
  // Training texts or images. The scale of the hidden states that class vectors are compared with is measured over
  // these.
  absl::StatusOr<std::vector<LocalBatch>> TextsToRead();

  ExperimentSpec spec_;
  std::optional<RunData> data_;
  SeenTexts seen_;
  std::optional<TestSet> test_set_;
  at::Device device_ = at::kCPU;
  AssembledModel assembled_;
  ModelFacts model_facts_;
  std::optional<Starts> starts_;
  std::array<std::unique_ptr<TaskSource>, 3> prompted_;
};

}  // namespace metaprompt

#endif  // EXPERIMENTS_WORKBENCH_WORKBENCH_H_
