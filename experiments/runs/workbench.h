// What an experiment works with, made from its spec before the first step: data, tokenizer, prompt, model, samplers.
#ifndef EXPERIMENTS_RUNS_WORKBENCH_H_
#define EXPERIMENTS_RUNS_WORKBENCH_H_

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "datasets/dataset.h"
#include "episodes/manifest.h"
#include "episodes/sampler.h"
#include "episodes/text_source.h"
#include "experiments/experiment.pb.h"
#include "experiments/result.pb.h"
#include "experiments/runs/start_run.h"
#include "metaprompt/prompt_model.h"
#include "metaprompt/prompts/prompt_template.h"
#include "metaprompt/tokenizers/tokenizer.h"

namespace metaprompt {

// The episodes of a split, `shots` a class. The same spec gives the same episodes, with or without a workbench.
absl::StatusOr<EpisodeSampler> SamplerOf(const ExperimentSpec& spec, const Dataset& dataset, Split split, int shots);

class Workbench {
 public:
  // Loads the data and checks every split for every number of shots, then makes or loads the tokenizer and the encoder.
  // With `tokenizer` not empty that tokenizer is used instead of training one: a stopped run's own.
  static absl::StatusOr<std::unique_ptr<Workbench>> Open(const ExperimentSpec& spec, const TokenizerFiles& tokenizer);

  const ExperimentSpec& spec() const { return spec_; }
  const Dataset& dataset() const { return dataset_; }
  const Tokenizer& tokenizer() const { return *tokenizer_; }
  const PromptModel& model() const { return *model_; }

  // Meta-test: while such an object lives the test classes' texts can be read.
  class MetaTestAccess {
   public:
    ~MetaTestAccess();
    MetaTestAccess(const MetaTestAccess&) = delete;
    MetaTestAccess& operator=(const MetaTestAccess&) = delete;

   private:
    friend class Workbench;
    explicit MetaTestAccess(Workbench* bench);

    Workbench* bench_;
  };

  // Open leaves the test classes' texts sealed: reading one ends the program (Texts), prompting them is an error. Only
  // their number and the hash of the data are known. One access at a time.
  MetaTestAccess BeginMetaTest() { return MetaTestAccess(this); }

  // The texts of a split in their prompts, tokenised on first use; those of the test split in meta-test alone.
  absl::StatusOr<const TextSource*> Prompted(Split split);

  // The initialisation that meta-training with that many shots starts from, and that the baseline is tested with: a
  // function of spec, checkpoint, training texts and, where the spec names one, another run's result for as many shots.
  // Shares memory with what is kept for the next call.
  absl::StatusOr<ParamList> InitialParams(int shots);
  // What the baseline is called: "transferred" with model.init_from_run, "pre-trained" with a checkpoint, else
  // "random".
  const char* initialisation() const;

  // Where the run's tensors are.
  at::Device device() const { return device_; }

  // For saving the encoder: its config.json.
  const std::string& config_json() const { return config_json_; }

  // The sampler of meta-training, word tasks included.
  absl::StatusOr<EpisodeSampler> TrainSampler(int shots);

  // Checked by Open for all `shots` of the spec.
  absl::StatusOr<EpisodeSampler> Sampler(Split split, int shots) const;

  // The episodes of meta-test: the manifest's, if the spec names one, or the sampler's. Valid as long as this object.
  std::function<EpisodePlan(int64_t)> TestPlans(int shots) const;
  // Of the manifest's file; empty: there is none.
  const std::string& manifest_sha256() const { return manifest_sha256_; }

  const DatasetFacts& dataset_facts() const { return dataset_facts_; }
  const ModelFacts& model_facts() const { return facts_; }

 private:
  Workbench() = default;

  absl::StatusOr<ParamList> InitialOnCpu(int shots);
  // The soft vectors as the spec's words or run have them.
  void StartPrompt(int shots, ParamList* params) const;
  absl::Status OpenStarts();
  absl::Status OpenManifest();
  absl::Status OpenTokenizer(const TokenizerFiles& files);
  absl::Status OpenEncoder();

  ExperimentSpec spec_;
  Dataset dataset_;
  std::unique_ptr<Tokenizer> tokenizer_;
  std::optional<PromptTemplate> prompt_;
  std::unique_ptr<PromptModel> model_;
  ParamList checkpoint_params_;  // read once; empty without a checkpoint or where a run replaces them
  std::optional<StartRun> model_start_;
  std::optional<StartRun> prompt_start_;
  std::vector<std::pair<size_t, at::Tensor>> standardised_;  // parameters of the start that took a pass over texts
  std::vector<std::vector<int64_t>> init_words_;             // see InitWordIds
  std::string config_json_;
  at::Device device_ = at::kCPU;
  DatasetFacts dataset_facts_;
  ModelFacts facts_;
  bool in_meta_test_ = false;
  EpisodeManifest manifest_;
  std::string manifest_sha256_;
  std::array<std::optional<TextSource>, 3> prompted_;
};

}  // namespace metaprompt

#endif  // EXPERIMENTS_RUNS_WORKBENCH_H_
