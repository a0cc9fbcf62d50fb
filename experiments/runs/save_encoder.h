// Saves the encoder that a training produced as a checkpoint's folder.
#ifndef EXPERIMENTS_RUNS_SAVE_ENCODER_H_
#define EXPERIMENTS_RUNS_SAVE_ENCODER_H_

#include "absl/status/status.h"
#include "experiments/runs/run_directory.h"
#include "experiments/workbench/model_assembly.h"
#include "metaprompt/model/params.h"

namespace metaprompt {

// Writes config.json, model.safetensors and the tokenizer's files into the run's directory, as SaveCheckpoint
// (checkpoint.h) writes them, but with checksums. `params` are those of parts.encoder; `type` is that of their numbers
// in the file: float32 or float16.
absl::Status SaveEncoder(const EncoderParts& parts, const ParamList& params, at::ScalarType type,
                         const RunDirectory& directory);

// Writes the tokenizer's files that are not there yet.
absl::Status SaveTokenizer(const EncoderParts& parts, const RunDirectory& directory);

}  // namespace metaprompt

#endif  // EXPERIMENTS_RUNS_SAVE_ENCODER_H_
