// What every kind of spec has in common: a file, changes to it from the command line, a name, an error per broken rule.
#ifndef EXPERIMENTS_SPEC_FILE_H_
#define EXPERIMENTS_SPEC_FILE_H_

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "google/protobuf/message.h"

namespace metaprompt {

// Reads the file into `spec` and applies each `FIELD=VALUE` of `sets` in order. No rule is checked yet.
absl::Status ReadSpecFile(const std::string& path, const std::vector<std::string>& sets,
                          google::protobuf::Message* spec);

// `error`, of parsing the text of the file as `wanted`, or, if the text is a spec of another kind, an error that names
// the command for it.
absl::Status WithOtherKind(const absl::Status& error, const std::string& text, const std::string& path,
                           const google::protobuf::Message& wanted);

// An error with one line per broken rule, each after `path`; OK if no rule is broken.
absl::Status BrokenRulesError(const std::string& path, const std::vector<std::string>& broken);

// The broken rule of a spec's name, which may hold letters, digits, - and _ only; empty if it is not broken.
std::string BrokenNameRule(const std::string& name);

}  // namespace metaprompt

#endif  // EXPERIMENTS_SPEC_FILE_H_
