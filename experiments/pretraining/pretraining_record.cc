#include "experiments/pretraining/pretraining_record.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "experiments/pretraining/pretraining_spec.h"
#include "experiments/runs/run_directory.h"
#include "experiments/training/read_checked.h"
#include "metaprompt/base/status_macros.h"

namespace metaprompt {
absl::Status CheckPretraining(const PretrainingRecord& record) {
  RETURN_IF_ERROR(CheckVersion(record.has_version(), record.version(), kPretrainingVersion));
  if (const std::vector<std::string> broken = CheckPretrainingSpec(record.spec()); !broken.empty()) {
    return absl::InvalidArgumentError(absl::StrCat("spec: ", broken[0]));
  }
  if (record.best_step() < 0 || record.best_step() > record.trained_steps()) {
    return absl::InvalidArgumentError(
        absl::StrCat("best_step is ", record.best_step(), "; trained_steps is ", record.trained_steps()));
  }
  RETURN_IF_ERROR(CheckCurve(record.curve(), record.trained_steps()));
  if (record.has_pseudo_perplexity() && !(record.pseudo_perplexity() >= 1)) {
    return absl::InvalidArgumentError(
        absl::StrCat("pseudo_perplexity is ", record.pseudo_perplexity(), "; it must be >= 1"));
  }
  return absl::OkStatus();
}

bool IsPretraining(const std::string& folder) { return HasFile(folder, kPretrainingFile); }

absl::StatusOr<PretrainingRecord> ReadPretraining(const std::string& folder) {
  PretrainingRecord record;
  RETURN_IF_ERROR(ReadCheckedFile(folder, kPretrainingFile, &record));
  RETURN_IF_ERROR(InFile(folder, kPretrainingFile, CheckPretraining(record)));
  return record;
}

std::string PretrainingInputs(const PretrainingRecord& record) {
  const CorpusFacts& corpus = record.corpus();
  std::string line = absl::StrFormat("%d texts", corpus.texts());
  if (corpus.inputs() > 0) {
    absl::StrAppendFormat(&line, ", %d inputs with %d tokens to train with, %d inputs to validate with",
                          corpus.inputs(), corpus.tokens(), corpus.valid_inputs());
  }
  if (corpus.pairs() > 0) {
    absl::StrAppendFormat(&line, ", %d pairs and %d to validate with", corpus.pairs(), corpus.valid_pairs());
  }
  absl::StrAppendFormat(&line, "; %d pieces, %d parameters", record.model().vocab_size(),
                        record.model().encoder_parameters());
  if (corpus.transductive_texts() > 0) {
    absl::StrAppendFormat(&line, "; transductive: %d texts are of validation or test classes",
                          corpus.transductive_texts());
  }
  return line;
}

std::string PretrainingText(const PretrainingRecord& record) {
  std::string text = absl::StrCat(PretrainingInputs(record), "\n");
  for (const TrainingPoint& point : record.curve()) {
    if (point.step() == record.best_step()) {
      absl::StrAppendFormat(&text, "best of %d steps: step %d, validation loss %.4f, accuracy %.2f %%\n",
                            record.trained_steps(), point.step(), point.valid_loss(), 100 * point.valid_accuracy());
    }
  }
  if (record.has_pseudo_perplexity()) {
    absl::StrAppendFormat(&text, "pseudo-perplexity %.2f over %d validation inputs\n", record.pseudo_perplexity(),
                          record.pseudo_perplexity_inputs());
  }
  return text;
}

}  // namespace metaprompt
