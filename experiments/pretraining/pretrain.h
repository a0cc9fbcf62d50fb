// Pre-trains an encoder: from a spec to a folder with the encoder.
#ifndef EXPERIMENTS_PRETRAINING_PRETRAIN_H_
#define EXPERIMENTS_PRETRAINING_PRETRAIN_H_

#include <atomic>
#include <string>

#include "absl/status/statusor.h"
#include "experiments/host/progress.h"
#include "experiments/pretraining/pretraining.pb.h"
#include "experiments/watching/run_events.h"

namespace metaprompt {

// Pre-trains and makes the folder `out`: config.json, model.safetensors and the tokenizer's files, which
// `model.encoder.checkpoint.path` and transformers' AutoModelForMaskedLM open; pretraining.textproto, the record;
// curve.tsv; seen_texts.txt (workbench/seen_texts.h), hashes of the labelled texts and of the texts of validation and
// test classes; environment.textproto, the machine and the time taken. Until it is complete, the folder is
// `out`.partial. A call for a stopped run continues it, with the same bytes as a run without a stop; a call for a
// complete run with the same spec returns its record. Errors are those of RunExperiment (experiments/runs/run.h).
absl::StatusOr<PretrainingRecord> Pretrain(const PretrainingSpec& spec, const std::string& out, Progress* progress,
                                           const std::atomic<bool>& stop, bool allow_other_environment,
                                           const EventsOption& events = {});

}  // namespace metaprompt

#endif  // EXPERIMENTS_PRETRAINING_PRETRAIN_H_
