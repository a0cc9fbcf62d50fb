#include "experiments/spec_file.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "metaprompt/base/files.h"
#include "metaprompt/base/likely_cause.h"
#include "metaprompt/base/spec_fields.h"
#include "metaprompt/base/status_macros.h"
#include "metaprompt/base/text.h"

namespace metaprompt {

absl::Status ReadSpecFile(const std::string& path, const std::vector<std::string>& sets,
                          google::protobuf::Message* spec) {
  ASSIGN_OR_RETURN(const std::string text, ReadFile(path));
  RETURN_IF_ERROR(WithLikelyCause(ParseSpec(text, path, spec), path));
  for (const std::string& set : sets) {
    RETURN_IF_ERROR(SetField(set, spec));
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
  return sound ? "" : absl::StrCat("name is ", Quoted(name), "; it may hold letters, digits, - and _ only");
}

}  // namespace metaprompt
