#include "experiments/pretraining/pretraining_spec.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "experiments/host/device.h"
#include "experiments/model_size.h"
#include "experiments/spec_file.h"
#include "metaprompt/base/status_macros.h"
#include "metaprompt/encoders/dropout_rates.h"
#include "metaprompt/encoders/initial_values.h"
#include "metaprompt/specs/field_rules.h"

namespace metaprompt {
namespace {

// Finds fields that have no effect together with others.
void CheckUnused(const PretrainingSpec& spec, std::vector<std::string>* broken) {
  const CorpusSpec& corpus = spec.corpus();
  const EncoderSpec& encoder = spec.encoder();
  for (const auto& [unused, what] : {
           std::make_pair(
               !spec.has_masked() && encoder.has_checkpoint() && corpus.path_size() + corpus.dataset_size() > 0,
               "corpus.path or corpus.dataset is set; its texts are for masked, which is not set"),
           std::make_pair(!spec.has_masked() && corpus.join(),
                          "corpus.join is set; it is for masked, which is not set"),
           std::make_pair(encoder.has_checkpoint() && !spec.vocabulary().path().empty(),
                          "vocabulary.path is set; encoder.checkpoint has its own tokenizer"),
           std::make_pair(encoder.checkpoint().max_tokens() > 0,
                          "encoder.checkpoint.max_tokens is set; the field for this is corpus.max_tokens"),
           std::make_pair(!encoder.checkpoint().standardised_read(),
                          "encoder.checkpoint.standardised_read is false; nothing is standardised in pre-training"),
           std::make_pair(encoder.has_vit(), "encoder.vit reads images; pre-training needs an encoder of texts"),
           std::make_pair(encoder.checkpoint().has_interpolated_positions(),
                          "encoder.checkpoint.interpolated_positions is set; it is for images"),
           std::make_pair(!encoder.bert().init_standardised(),
                          "encoder.bert.init_standardised is false; nothing is standardised in pre-training"),
       }) {
    if (unused) {
      broken->emplace_back(what);
    }
  }
}

}  // namespace

std::vector<std::string> CheckPretrainingSpec(const PretrainingSpec& spec) {
  std::vector<std::string> broken = BrokenRules(spec);
  for (std::string rule : {BrokenNameRule(spec.name()), BrokenDropoutRule(spec.dropout(), "dropout")}) {
    if (!rule.empty()) {
      broken.push_back(std::move(rule));
    }
  }
  if (!spec.has_masked() && !spec.has_pairs()) {
    broken.emplace_back("neither masked nor pairs is set; set one of them, or both");
  }
  if (spec.has_masked() && spec.corpus().path().empty() && spec.corpus().dataset().empty()) {
    broken.emplace_back("corpus has neither path nor dataset; masked needs texts");
  }
  if (spec.masked().as_mask() + spec.masked().as_random() > 1) {
    broken.push_back(absl::StrCat("masked.as_mask and masked.as_random are ", spec.masked().as_mask(), " and ",
                                  spec.masked().as_random(), "; together they must be <= 1"));
  }
  const BertSpec& bert = spec.encoder().bert();
  if (spec.encoder().has_bert() && bert.heads() > 0) {
    if (const absl::Status status = CheckBert(bert); !status.ok()) {
      broken.emplace_back(absl::StripPrefix(status.message(), "model."));
    }
    if (spec.corpus().max_tokens() > bert.max_positions()) {
      broken.push_back(absl::StrCat("corpus.max_tokens is ", spec.corpus().max_tokens(),
                                    "; encoder.bert.max_positions is ", bert.max_positions()));
    }
  }
  CheckUnused(spec, &broken);
  if (const absl::Status device = CheckDevice(spec.device()); !device.ok()) {
    broken.emplace_back(device.message());
  }
  return broken;
}

absl::StatusOr<PretrainingSpec> LoadPretrainingSpec(const std::string& path, const std::vector<std::string>& sets) {
  PretrainingSpec spec;
  std::vector<std::string> idle;
  RETURN_IF_ERROR(ReadSpecFile(path, sets, &spec, &idle));
  // A message whose fields are all defaults may be missing in the file, but not in the record.
  spec.mutable_corpus();
  spec.mutable_optimizer();
  spec.mutable_train();
  spec.mutable_dropout();
  if (spec.encoder().has_bert()) {
    spec.mutable_vocabulary();
  }
  RETURN_IF_ERROR(BrokenRulesError(path, CheckPretrainingSpec(spec)));
  RETURN_IF_ERROR(BrokenRulesError(path, idle));
  if (spec.encoder().has_checkpoint()) {  // the file may have settings for a new encoder, too
    spec.clear_vocabulary();
  }
  ModelSpec model;
  *model.mutable_encoder() = spec.encoder();
  model.mutable_tokenizer()->set_vocab_size(spec.vocabulary().size());
  if (const absl::Status fits = CheckFits(model); !fits.ok()) {
    return BrokenRulesError(path, {std::string(absl::StripPrefix(fits.message(), "model."))});
  }
  WriteOutDefaults(&spec);
  return spec;
}

}  // namespace metaprompt
