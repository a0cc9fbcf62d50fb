// Fine-tunes a classifier: from a spec to a record.
#ifndef EXPERIMENTS_FINE_TUNING_FINE_TUNE_H_
#define EXPERIMENTS_FINE_TUNING_FINE_TUNE_H_

#include <atomic>
#include <string>

#include "absl/status/statusor.h"
#include "experiments/fine_tuning/fine_tuning.pb.h"
#include "experiments/host/progress.h"
#include "experiments/watching/run_events.h"

namespace metaprompt {

// Trains a classifier and its encoder on the training texts, keeps the parameters with the best validation, tests them,
// and leaves a folder at `out`:
//   fine_tuning.textproto    the results; the same spec, data and threads give the same bytes
//   config.json, model.safetensors and the tokenizer's files, or preprocessor_config.json: the fine-tuned encoder, as
//                            transformers and model.encoder.checkpoint.path read it. A masked-language-model head is
//                            unchanged.
//   classifier.safetensors   classifier.weight [classes, D] and classifier.bias [classes]; its metadata has the labels,
//                            one per line, and what the classifier reads
//   test-predictions.tsv     label, answer and text of each test text; for an image, 16 digits of its SHA-256
//   curve.tsv                the training curve
//   seen_texts.txt           hashes of the texts or images of training and validation (seen_texts.h)
//   spec.textproto, environment.textproto and SHA256SUMS, as in a run's folder (run.h)
// Stopping, continuing, complete folders and `allow_other_environment` work as for RunExperiment.
absl::StatusOr<FineTuningRecord> FineTune(const FineTuningSpec& spec, const std::string& out, Progress* progress,
                                          const std::atomic<bool>& stop, bool allow_other_environment = false,
                                          const EventsOption& events = {});

}  // namespace metaprompt

#endif  // EXPERIMENTS_FINE_TUNING_FINE_TUNE_H_
