#include "experiments/spec_file.h"

#include <algorithm>
#include <memory>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/string_view.h"
#include "google/protobuf/descriptor.h"
#include "metaprompt/base/files.h"
#include "metaprompt/base/likely_cause.h"
#include "metaprompt/base/status_macros.h"
#include "metaprompt/base/text.h"
#include "metaprompt/specs/only_with.h"
#include "metaprompt/specs/spec_fields.h"

namespace metaprompt {
namespace {

struct SpecKind {
  const char* message;
  const char* name;
  const char* command;
};

constexpr SpecKind kKinds[] = {{"metaprompt.ExperimentSpec", "the spec of an experiment", "run"},
                               {"metaprompt.SweepSpec", "a sweep", "sweep"},
                               {"metaprompt.PretrainingSpec", "the spec of a pre-training", "pretrain"},
                               {"metaprompt.FineTuningSpec", "the spec of a fine-tuning", "finetune"}};

// The field that a line of SettingsWithoutEffect is about.
absl::string_view FieldOf(absl::string_view line) { return line.substr(0, line.find(' ')); }

// Whether `set`, FIELD=VALUE, gives the field its value, by itself or with a whole group.
bool Gives(absl::string_view set, absl::string_view field) {
  const absl::string_view given = absl::StripAsciiWhitespace(set.substr(0, set.find('=')));
  return field == given || absl::StartsWith(field, absl::StrCat(given, "."));
}

}  // namespace

absl::Status WithOtherKind(const absl::Status& error, const std::string& text, const std::string& path,
                           const google::protobuf::Message& wanted) {
  for (const SpecKind& kind : kKinds) {
    const google::protobuf::Descriptor* const type =
        google::protobuf::DescriptorPool::generated_pool()->FindMessageTypeByName(kind.message);
    if (error.ok() || type == nullptr || type == wanted.GetDescriptor()) {
      continue;  // a test program may not link all kinds of specs
    }
    const std::unique_ptr<google::protobuf::Message> other(
        google::protobuf::MessageFactory::generated_factory()->GetPrototype(type)->New());
    if (ParseSpec(text, path, other.get()).ok()) {
      return absl::InvalidArgumentError(
          absl::StrCat(path, ": this is ", kind.name, "; the command for it is metaprompt ", kind.command));
    }
  }
  return error;
}

absl::Status ReadSpecFile(const std::string& path, const std::vector<std::string>& sets,
                          google::protobuf::Message* spec, std::vector<std::string>* idle) {
  ASSIGN_OR_RETURN(const std::string text, ReadFile(path));
  RETURN_IF_ERROR(WithLikelyCause(WithOtherKind(ParseSpec(text, path, spec), text, path, *spec), path));
  const std::vector<std::string> in_file = idle == nullptr ? std::vector<std::string>() : SettingsWithoutEffect(*spec);
  for (const std::string& set : sets) {
    RETURN_IF_ERROR(SetField(set, spec));
  }
  if (idle != nullptr) {
    *idle = SettingsWithoutEffect(*spec);
    const auto lost_it_by_sets = [&](const std::string& line) {
      const auto same = [&](const std::string& other) { return FieldOf(other) == FieldOf(line); };
      const auto gives = [&](const std::string& set) { return Gives(set, FieldOf(line)); };
      return std::none_of(in_file.begin(), in_file.end(), same) && std::none_of(sets.begin(), sets.end(), gives);
    };
    idle->erase(std::remove_if(idle->begin(), idle->end(), lost_it_by_sets), idle->end());
    if (idle->empty()) {  // the others get their defaults, so that the resulting spec is sound, too
      ClearSettingsWithoutEffect(spec);
    }
  }
  return absl::OkStatus();
}

absl::Status BrokenRulesError(const std::string& path, const std::vector<std::string>& broken) {
  return broken.empty() ? absl::OkStatus()
                        : absl::InvalidArgumentError(
                              absl::StrCat(path, ": ", absl::StrJoin(broken, absl::StrCat("\n", path, ": "))));
}

std::string BrokenNameRule(const std::string& name) {
  const bool sound = std::all_of(name.begin(), name.end(), [](char c) {
    return absl::ascii_isalnum(static_cast<unsigned char>(c)) || c == '-' || c == '_';
  });
  return sound ? "" : absl::StrCat("name is ", Quoted(name), "; it may contain only letters, digits, - and _");
}

}  // namespace metaprompt
