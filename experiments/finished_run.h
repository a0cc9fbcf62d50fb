// A run that is complete, read from its folder alone: neither its data nor its checkpoint is needed any more.
#ifndef EXPERIMENTS_FINISHED_RUN_H_
#define EXPERIMENTS_FINISHED_RUN_H_

#include <memory>
#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "experiments/result.pb.h"
#include "learners/learner.h"
#include "metaprompt/encoder_config.h"
#include "metaprompt/params.h"
#include "metaprompt/prompt.h"
#include "metaprompt/prompt_model.h"
#include "metaprompt/tokenizer.h"

namespace metaprompt {

// The best initialisation of one number of shots, and all that its numbers mean something to.
struct FinishedRun {
  RunRecord record;
  int shots = 0;
  std::unique_ptr<Tokenizer> tokenizer;
  EncoderConfig config;
  std::string config_json;
  std::optional<PromptTemplate> prompt;
  std::unique_ptr<PromptModel> model;
  std::unique_ptr<Learner> learner;
  ParamList params;  // of MetaInfos(*model, *learner)
};

// `shots` must be one of the record's.
absl::StatusOr<FinishedRun> OpenFinishedRun(const std::string& run, RunRecord record, int shots);

// OK if the record has a result of that many shots. The error lists those it has.
absl::Status CheckShots(const std::string& run, const RunRecord& record, int shots);

}  // namespace metaprompt

#endif  // EXPERIMENTS_FINISHED_RUN_H_
