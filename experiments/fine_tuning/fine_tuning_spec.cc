#include "experiments/fine_tuning/fine_tuning_spec.h"

#include <tuple>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/strings/strip.h"
#include "datasets/text_names.h"
#include "experiments/host/device.h"
#include "experiments/image_spec.h"
#include "experiments/model_size.h"
#include "experiments/spec_file.h"
#include "metaprompt/base/status_macros.h"
#include "metaprompt/encoders/dropout_rates.h"
#include "metaprompt/encoders/initial_values.h"
#include "metaprompt/encoders/initial_vit.h"
#include "metaprompt/prompts/prompt_template.h"
#include "metaprompt/specs/field_rules.h"

namespace metaprompt {
namespace {

// Checks where the encoder comes from.
void CheckEncoder(const FineTuningSpec& spec, std::vector<std::string>* broken) {
  if (spec.has_encoder() == spec.has_from_run()) {
    broken->emplace_back(spec.has_encoder() ? "encoder and from_run are set; set one of them"
                                            : "encoder must be set, or from_run");
  }
  const EncoderSpec& encoder = spec.encoder();
  if (encoder.has_bert() && encoder.bert().heads() > 0) {
    if (const absl::Status status = CheckBert(encoder.bert()); !status.ok()) {
      broken->emplace_back(absl::StripPrefix(status.message(), "model."));
    }
  }
  if (encoder.has_vit() && !HasImages(spec.dataset())) {
    broken->emplace_back("encoder.vit reads images, and the data are texts");
  }
  if (encoder.checkpoint().has_interpolated_positions() && !HasImages(spec.dataset())) {
    broken->emplace_back("encoder.checkpoint.interpolated_positions is set; it is for images");
  }
  if (!encoder.has_bert() && !HasImages(spec.dataset()) && !spec.tokenizer().path().empty()) {
    broken->emplace_back("tokenizer.path is set; it is for encoder.bert, the others bring a tokenizer");
  }
  if (encoder.checkpoint().max_tokens() > 0) {
    broken->emplace_back("encoder.checkpoint.max_tokens is set; the field for this is max_tokens");
  }
}

// Checks the settings for texts, which images do not have, and the shape of a new ViT.
void CheckImages(const FineTuningSpec& spec, std::vector<std::string>* broken) {
  for (std::string& rule : CheckImageData(spec.dataset())) {
    broken->push_back(std::move(rule));
  }
  const FineTuningSpec& defaults = FineTuningSpec::default_instance();
  for (const auto& [set, field] : {std::make_pair(spec.has_tokenizer(), "tokenizer"),
                                   std::make_pair(spec.template_() != defaults.template_(), "template"),
                                   std::make_pair(spec.max_tokens() != defaults.max_tokens(), "max_tokens")}) {
    if (set) {
      broken->push_back(absl::StrCat(field, " is set; images have no words"));
    }
  }
  if (spec.read() == FineTuningSpec::MASK) {
    broken->emplace_back("read is MASK; images have no words, so read must be FIRST, the class token, or MEAN");
  }
  const EncoderSpec& encoder = spec.encoder();
  if (encoder.has_bert()) {
    broken->emplace_back("encoder.bert reads texts; for images use encoder.vit or a checkpoint of a vit");
  }
  if (encoder.has_vit() && encoder.vit().heads() > 0) {
    if (const absl::Status status = CheckVit(encoder.vit()); !status.ok()) {
      broken->emplace_back(absl::StripPrefix(status.message(), "model."));
    }
  }
}

// Checks the shares and the published texts.
void CheckTexts(const FineTuningSpec& spec, std::vector<std::string>* broken) {
  const TextSplitSpec& texts = spec.texts();
  const double valid = texts.has_valid() ? 0 : texts.valid_share();
  const double test = texts.has_test() ? 0 : texts.test_share();
  if (valid + test >= 1) {
    broken->push_back(absl::StrCat("texts.valid_share is ", valid, " and texts.test_share ", test,
                                   "; their sum must be below 1, the texts that train are the rest"));
  }
  for (const auto& [published, shared, name] : {std::make_tuple(texts.has_valid(), texts.has_valid_share(), "valid"),
                                                std::make_tuple(texts.has_test(), texts.has_test_share(), "test")}) {
    if (published && shared) {
      broken->push_back(absl::StrCat("texts.", name, " and texts.", name, "_share are set; set one of them"));
    }
  }
  const bool images = HasImages(spec.dataset());
  for (const auto& [published, source, name] : {std::make_tuple(texts.has_valid(), &texts.valid(), "valid"),
                                                std::make_tuple(texts.has_test(), &texts.test(), "test")}) {
    if (published && HasImages(*source) != images) {
      broken->push_back(absl::StrCat("texts.", name, " has ", images ? "texts" : "images", ", and dataset ",
                                     images ? "images" : "texts", "; both must be of one kind"));
    }
  }
  if (spec.train().patience() > 0 && !texts.has_valid() && texts.valid_share() == 0) {
    broken->push_back(
        absl::StrCat("train.patience is ", spec.train().patience(), "; texts.valid_share is 0, and nothing validates"));
  }
}

void CheckTextTemplate(const FineTuningSpec& spec, std::vector<std::string>* broken) {
  if (spec.read() != FineTuningSpec::MASK && spec.has_template_() && spec.template_() != FineTuningSpec().template_()) {
    broken->emplace_back("template is set; it is for read: MASK");
  }
  if (absl::StrContains(spec.template_(), "<soft")) {
    broken->emplace_back("template has <soft>; it takes words, {text} and {mask} only");
  } else if (const absl::Status status = CheckTemplate(spec.template_(), TextNames(spec.dataset())); !status.ok()) {
    broken->emplace_back(absl::StripPrefix(status.message(), "model.prompt."));
  }
}

}  // namespace

std::vector<std::string> CheckFineTuningSpec(const FineTuningSpec& spec) {
  std::vector<std::string> broken = BrokenRules(spec);
  const auto check = [&](const absl::Status& status) {
    if (!status.ok()) {
      broken.emplace_back(status.message());
    }
  };
  if (std::string rule = BrokenNameRule(spec.name()); !rule.empty()) {
    broken.push_back(std::move(rule));
  }
  CheckEncoder(spec, &broken);
  CheckTexts(spec, &broken);
  if (std::string rule = BrokenDropoutRule(spec.dropout(), "dropout"); !rule.empty()) {
    broken.push_back(std::move(rule));
  }
  if (HasImages(spec.dataset())) {
    CheckImages(spec, &broken);
  } else {
    CheckTextTemplate(spec, &broken);
  }
  check(CheckDevice(spec.device()));
  return broken;
}

absl::StatusOr<FineTuningSpec> LoadFineTuningSpec(const std::string& path, const std::vector<std::string>& sets) {
  FineTuningSpec spec;
  std::vector<std::string> idle;
  RETURN_IF_ERROR(ReadSpecFile(path, sets, &spec, &idle));
  // A message whose fields are all defaults may be missing in the file, but not in the record.
  spec.mutable_texts();
  spec.mutable_dropout();
  spec.mutable_optimizer();
  spec.mutable_train();
  if (spec.encoder().has_bert() && !HasImages(spec.dataset())) {
    spec.mutable_tokenizer();
  }
  RETURN_IF_ERROR(BrokenRulesError(path, CheckFineTuningSpec(spec)));
  RETURN_IF_ERROR(BrokenRulesError(path, idle));
  ModelSpec model;
  *model.mutable_encoder() = spec.encoder();
  *model.mutable_tokenizer() = spec.tokenizer();
  if (const absl::Status fits = CheckFits(model); !fits.ok()) {
    return BrokenRulesError(path, {std::string(absl::StripPrefix(fits.message(), "model."))});
  }
  WriteOutFineTuning(&spec);
  return spec;
}

void WriteOutFineTuning(FineTuningSpec* spec) {
  WriteOutDefaults(spec);
  if (spec->texts().has_valid()) {
    spec->mutable_texts()->clear_valid_share();
  }
  if (spec->texts().has_test()) {
    spec->mutable_texts()->clear_test_share();
  }
}

}  // namespace metaprompt
