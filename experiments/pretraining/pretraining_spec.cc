#include "experiments/pretraining/pretraining_spec.h"

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "experiments/host/device.h"
#include "metaprompt/base/files.h"
#include "metaprompt/base/likely_cause.h"
#include "metaprompt/base/spec_fields.h"
#include "metaprompt/base/status_macros.h"
#include "metaprompt/base/text.h"
#include "metaprompt/encoders/initial_values.h"

namespace metaprompt {

std::vector<std::string> CheckPretrainingSpec(const PretrainingSpec& spec) {
  std::vector<std::string> broken = BrokenRules(spec);
  const auto check = [&](const absl::Status& status) {
    if (!status.ok()) {
      broken.emplace_back(status.message());
    }
  };
  for (const char c : spec.name()) {
    if (!absl::ascii_isalnum(static_cast<unsigned char>(c)) && c != '-' && c != '_') {
      broken.push_back(absl::StrCat("name is ", Quoted(spec.name()), "; it may hold letters, digits, - and _ only"));
      break;
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
  if (spec.encoder().has_bert()) {
    if (spec.encoder().bert().heads() > 0) {
      check(CheckBert(spec.encoder().bert()));
    }
    if (const int most = spec.encoder().bert().max_positions(); spec.corpus().max_tokens() > most) {
      broken.push_back(
          absl::StrCat("corpus.max_tokens is ", spec.corpus().max_tokens(), "; encoder.bert.max_positions is ", most));
    }
  } else if (!spec.vocabulary().path().empty()) {
    broken.emplace_back("vocabulary.path is set; encoder.checkpoint brings a tokenizer of its own");
  }
  const DropoutSpec& dropout = spec.dropout();
  if (dropout.of_checkpoint() && (dropout.hidden() > 0 || dropout.attention() > 0)) {
    broken.emplace_back("dropout.of_checkpoint is set, and so is hidden or attention; set one or the other");
  }
  check(CheckDevice(spec.device()));
  return broken;
}

absl::StatusOr<PretrainingSpec> LoadPretrainingSpec(const std::string& path, const std::vector<std::string>& sets) {
  ASSIGN_OR_RETURN(const std::string text, ReadFile(path));
  PretrainingSpec spec;
  RETURN_IF_ERROR(WithLikelyCause(ParseSpec(text, path, &spec), path));
  for (const std::string& set : sets) {
    RETURN_IF_ERROR(SetField(set, &spec));
  }
  // Groups that are all defaults may be left out of the file, not out of the record.
  spec.mutable_corpus();
  spec.mutable_optimizer();
  spec.mutable_train();
  spec.mutable_dropout();
  if (spec.encoder().has_bert()) {
    spec.mutable_vocabulary();
  }
  if (const std::vector<std::string> broken = CheckPretrainingSpec(spec); !broken.empty()) {
    return absl::InvalidArgumentError(absl::StrCat(path, ": ", absl::StrJoin(broken, absl::StrCat("\n", path, ": "))));
  }
  WriteOutDefaults(&spec);
  return spec;
}

}  // namespace metaprompt
