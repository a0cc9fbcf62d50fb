// The names of a message's fields and of an enum's values, for errors and descriptions.
#ifndef METAPROMPT_SPECS_FIELD_NAMES_H_
#define METAPROMPT_SPECS_FIELD_NAMES_H_

#include <string>
#include <vector>

#include "absl/strings/str_join.h"
#include "google/protobuf/descriptor.h"

namespace metaprompt {

inline std::vector<std::string> FieldNames(const google::protobuf::Descriptor& type) {
  std::vector<std::string> names;
  for (int i = 0; i < type.field_count(); ++i) {
    names.push_back(type.field(i)->name());
  }
  return names;
}

// "GELU, RELU".
inline std::string EnumNames(const google::protobuf::FieldDescriptor& field) {
  std::vector<std::string> names;
  for (int i = 0; i < field.enum_type()->value_count(); ++i) {
    names.push_back(field.enum_type()->value(i)->name());
  }
  return absl::StrJoin(names, ", ");
}

}  // namespace metaprompt

#endif  // METAPROMPT_SPECS_FIELD_NAMES_H_
