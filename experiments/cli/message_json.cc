#include "experiments/cli/message_json.h"

#include <cstdlib>
#include <string>
#include <vector>

#include "absl/strings/str_format.h"
#include "google/protobuf/descriptor.h"

namespace metaprompt {
namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using google::protobuf::Reflection;
using Json = nlohmann::ordered_json;

// The number with the fewest digits that rounds to this float: 0.1, not 0.100000001.
double Plain(float number) {
  std::string digits;
  for (int count = 6; count <= 9; ++count) {
    digits = absl::StrFormat("%.*g", count, number);
    if (std::strtof(digits.c_str(), nullptr) == number) {
      break;
    }
  }
  return std::strtod(digits.c_str(), nullptr);
}

// The field's value, or element `i` of it if i >= 0.
Json ValueOf(const Message& message, const FieldDescriptor& field, int i) {
  const Reflection& get = *message.GetReflection();
  const bool one = i < 0;
  switch (field.cpp_type()) {
    case FieldDescriptor::CPPTYPE_INT32:
      return one ? get.GetInt32(message, &field) : get.GetRepeatedInt32(message, &field, i);
    case FieldDescriptor::CPPTYPE_INT64:
      return one ? get.GetInt64(message, &field) : get.GetRepeatedInt64(message, &field, i);
    case FieldDescriptor::CPPTYPE_UINT32:
      return one ? get.GetUInt32(message, &field) : get.GetRepeatedUInt32(message, &field, i);
    case FieldDescriptor::CPPTYPE_UINT64:
      return one ? get.GetUInt64(message, &field) : get.GetRepeatedUInt64(message, &field, i);
    case FieldDescriptor::CPPTYPE_DOUBLE:
      return one ? get.GetDouble(message, &field) : get.GetRepeatedDouble(message, &field, i);
    case FieldDescriptor::CPPTYPE_FLOAT:
      return Plain(one ? get.GetFloat(message, &field) : get.GetRepeatedFloat(message, &field, i));
    case FieldDescriptor::CPPTYPE_BOOL:
      return one ? get.GetBool(message, &field) : get.GetRepeatedBool(message, &field, i);
    case FieldDescriptor::CPPTYPE_ENUM:
      return std::string((one ? get.GetEnum(message, &field) : get.GetRepeatedEnum(message, &field, i))->name());
    case FieldDescriptor::CPPTYPE_STRING:
      return one ? get.GetString(message, &field) : get.GetRepeatedString(message, &field, i);
    case FieldDescriptor::CPPTYPE_MESSAGE:
      return MessageJson(one ? get.GetMessage(message, &field) : get.GetRepeatedMessage(message, &field, i));
  }
  return nullptr;
}

}  // namespace

Json MessageJson(const Message& message) {
  std::vector<const FieldDescriptor*> fields;
  message.GetReflection()->ListFields(message, &fields);
  Json object = Json::object();
  for (const FieldDescriptor* field : fields) {
    Json& value = object[std::string(field->name())];
    if (!field->is_repeated()) {
      value = ValueOf(message, *field, -1);
      continue;
    }
    value = Json::array();
    for (int i = 0; i < message.GetReflection()->FieldSize(message, field); ++i) {
      value.push_back(ValueOf(message, *field, i));
    }
  }
  return object;
}

}  // namespace metaprompt
