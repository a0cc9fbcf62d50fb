// Functions that all kinds of specs share: for the file, its changes from the command line, its name, and the errors of
// broken rules.
#ifndef EXPERIMENTS_SPEC_FILE_H_
#define EXPERIMENTS_SPEC_FILE_H_

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "google/protobuf/message.h"

namespace metaprompt {

// Reads the file into `spec` and applies each `FIELD=VALUE` of `sets` in order. No rule is checked yet. If given,
// `idle` becomes SettingsWithoutEffect of the result, but without the settings of the file that have an effect there
// and lose it only by `sets`, since one change must not require others. These get their defaults.
absl::Status ReadSpecFile(const std::string& path, const std::vector<std::string>& sets,
                          google::protobuf::Message* spec, std::vector<std::string>* idle = nullptr);

// Returns `error`, the error of parsing the text of the file as `wanted`; or, if the text is a spec of another kind, an
// error that names the command for that kind.
absl::Status WithOtherKind(const absl::Status& error, const std::string& text, const std::string& path,
                           const google::protobuf::Message& wanted);

// An error with one line per broken rule, each beginning with `path`; OK if no rule is broken.
absl::Status BrokenRulesError(const std::string& path, const std::vector<std::string>& broken);

// The broken rule of a spec's name, which may contain only letters, digits, - and _; empty if the name is valid.
std::string BrokenNameRule(const std::string& name);

}  // namespace metaprompt

#endif  // EXPERIMENTS_SPEC_FILE_H_
