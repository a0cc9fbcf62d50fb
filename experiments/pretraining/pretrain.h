// Pre-training from a spec to an encoder's folder.
#ifndef EXPERIMENTS_PRETRAINING_PRETRAIN_H_
#define EXPERIMENTS_PRETRAINING_PRETRAIN_H_

#include <atomic>
#include <string>

#include "absl/status/statusor.h"
#include "experiments/host/progress.h"
#include "experiments/pretraining/pretraining.pb.h"

namespace metaprompt {

// Pre-trains and makes the folder `out`: config.json, model.safetensors and the tokenizer's files, which
// `model.encoder.checkpoint.path` and transformers' AutoModelForMaskedLM open; pretraining.textproto, the record;
// curve.tsv; seen_texts.txt
// (workbench/seen_texts.h), the labelled texts and those of validation and test classes; environment.textproto, where
// and how long. Until it is complete the folder is `out`.partial. A call for a
// run that was stopped continues it and leaves the same bytes; for a complete one with the same spec, it returns the
// record. Errors as RunExperiment's (experiments/runs/run.h).
absl::StatusOr<PretrainingRecord> Pretrain(const PretrainingSpec& spec, const std::string& out, Progress* progress,
                                           const std::atomic<bool>& stop, bool allow_other_environment);

}  // namespace metaprompt

#endif  // EXPERIMENTS_PRETRAINING_PRETRAIN_H_
