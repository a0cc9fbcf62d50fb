// The examples of a split as the inputs of an encoder.
#ifndef EXPERIMENTS_FINE_TUNING_SPLIT_INPUTS_H_
#define EXPERIMENTS_FINE_TUNING_SPLIT_INPUTS_H_

#include <cstdint>
#include <memory>

#include "absl/status/statusor.h"
#include "experiments/fine_tuning/fine_tuning.pb.h"
#include "experiments/fine_tuning/labelled_inputs.h"
#include "experiments/fine_tuning/text_split.h"
#include "experiments/workbench/model_assembly.h"

namespace metaprompt {

struct SplitInputs {
  std::unique_ptr<LabelledInputs> train;
  std::unique_ptr<LabelledInputs> valid;
  std::unique_ptr<LabelledInputs> test;
  int64_t cut_texts = 0;  // longer than the spec's max_tokens
};

// Turns texts into tokens, or images into pixels, with the tokenizer or the image processor of `parts`. The errors are
// those of TextFrame::Create.
absl::StatusOr<SplitInputs> SplitInputsOf(const FineTuningSpec& spec, const TextSplit& split,
                                          const EncoderParts& parts);

}  // namespace metaprompt

#endif  // EXPERIMENTS_FINE_TUNING_SPLIT_INPUTS_H_
