// A complete run, opened to use what it learned. Only its folder is needed, neither its data nor its checkpoint.
#ifndef EXPERIMENTS_WORKBENCH_FINISHED_RUN_H_
#define EXPERIMENTS_WORKBENCH_FINISHED_RUN_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "experiments/result.pb.h"
#include "experiments/workbench/model_assembly.h"
#include "learners/learner.h"
#include "metaprompt/architectures/encoder_config.h"
#include "metaprompt/base/checksums.h"
#include "metaprompt/model/params.h"
#include "metaprompt/prompt_model.h"
#include "metaprompt/prompts/prompt_template.h"
#include "metaprompt/tokenizers/tokenizer.h"

namespace metaprompt {

class FinishedRun {
 public:
  // Reads the record, the tokenizer and the configuration, but not the parameters. Each file's checksum is compared
  // with the one that the run wrote (checksums.h); a directory of an earlier version has no checksums and is opened
  // unchecked. The error names the folder or the file, and what to do.
  static absl::StatusOr<FinishedRun> Open(const std::string& path);

  // A model that has learned nothing, such as a checkpoint's, in the form of a run: it has a spec, but no results and
  // no folder.
  static FinishedRun Untrained(const ExperimentSpec& spec, AssembledModel assembled);

  const RunRecord& record() const { return record_; }
  const std::string& record_sha256() const { return record_sha256_; }
  // OK if the run's inputs are texts. The error names the run, and `what` as the thing that needs texts.
  absl::Status CheckTexts(absl::string_view what) const;
  // Only for a run on texts, like prompt().
  const Tokenizer& tokenizer() const { return *assembled_.parts.tokenizer; }
  // See InputFiles in model_assembly.h.
  TokenizerFiles input_files() const { return InputFiles(assembled_.parts); }
  const std::string& config_json() const { return assembled_.parts.config_json; }
  const EncoderConfig& config() const { return assembled_.parts.encoder->config(); }
  const PromptTemplate& prompt() const { return *assembled_.prompt; }
  const PromptModel& model() const { return *assembled_.model; }
  const Learner& learner() const { return *learner_; }
  // Sets whether the model's matrix products are in bfloat16. At first this is as in the run's spec.
  void set_bfloat16(bool on) { assembled_.model->set_bfloat16(on); }
  // The model's parameters, followed by the learner's.
  const std::vector<ParamInfo>& infos() const { return infos_; }

  // `shots` if the run has a result for it; for 0, the run's largest number of shots. The error lists the run's numbers
  // of shots.
  absl::StatusOr<int> ShotsOf(int shots) const;
  // The parameters that validated best, on the CPU, read from ParamFile(shots). `sha256`, if given, becomes the hash of
  // that file. The file's checksum is checked.
  absl::StatusOr<ParamList> Params(int shots, std::string* sha256 = nullptr) const;
  std::string ParamFile(int shots) const;

 private:
  FinishedRun() = default;

  std::string path_;
  Checksums sums_;
  RunRecord record_;
  std::string record_sha256_;
  AssembledModel assembled_;
  std::unique_ptr<Learner> learner_;
  std::vector<ParamInfo> infos_;
};

}  // namespace metaprompt

#endif  // EXPERIMENTS_WORKBENCH_FINISHED_RUN_H_
