// Parses and prints specs, and changes single fields. A spec is any protobuf message.
#ifndef METAPROMPT_SPECS_SPEC_FIELDS_H_
#define METAPROMPT_SPECS_SPEC_FIELDS_H_

#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "google/protobuf/message.h"

namespace metaprompt {

// Parses protobuf's text format. Errors begin with `name`, line and column: `quick.textproto:7:3: ...`.
absl::Status ParseSpec(absl::string_view text, absl::string_view name, google::protobuf::Message* spec);

// Sets a field from `path=value`, such as `learner.inner.steps=5`, `episodes.shots=1,5` or `episodes.shots=[1, 5]`.
// Creates the messages along the path. Replaces all elements of a repeated field. The error for an unknown name lists
// the known names.
absl::Status SetField(absl::string_view assignment, google::protobuf::Message* spec);

// `spec` in text format, with fields in the order of their numbers.
std::string SpecText(const google::protobuf::Message& spec);

}  // namespace metaprompt

#endif  // METAPROMPT_SPECS_SPEC_FIELDS_H_
