// An encoder's folder as the start of a few-shot run's encoder: model.init_from_run.
#ifndef EXPERIMENTS_WORKBENCH_ENCODER_START_H_
#define EXPERIMENTS_WORKBENCH_ENCODER_START_H_

#include <string>

#include "absl/status/statusor.h"
#include "experiments/result.pb.h"
#include "metaprompt/encoders/encoder.h"
#include "metaprompt/model/params.h"

namespace metaprompt {

struct EncoderStart {
  ParamList params;  // of the run's encoder, in its order, float32
  StartFacts facts;
};

// Whether the folder has an encoder, such as that of a fine-tuning, and is not a run's folder.
bool IsEncoderFolder(const std::string& path);

// Reads the encoder in the folder. The folder must have every parameter of `encoder`, with its name and shape; further
// parameters, such as those of a head that `encoder` lacks, are ignored. The tokenizer, or the preprocessing of images,
// must be the same. The error names the field, the folder and what differs.
absl::StatusOr<EncoderStart> OpenEncoderStart(const std::string& path, const Encoder& encoder,
                                              const std::string& tokenizer_sha256);

}  // namespace metaprompt

#endif  // EXPERIMENTS_WORKBENCH_ENCODER_START_H_
