#include "metaprompt/specs/only_with.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "metaprompt/specs/field_rule.pb.h"

namespace metaprompt {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using google::protobuf::Reflection;

// A condition: the field that it names, and what the field must be.
struct Condition {
  const SpecLevel* from = nullptr;             // the message where `fields` begin
  std::vector<const FieldDescriptor*> fields;  // each in the message of the one before it; the last one is tested
  std::vector<std::string> values;             // one of which it must have; empty: it must be set, or not
  bool set = true;
};

// Nothing if a field or a value is not there.
std::optional<Condition> Find(const std::vector<SpecLevel>& levels, absl::string_view text) {
  Condition condition;
  condition.set = !absl::ConsumePrefix(&text, "!");
  const std::vector<absl::string_view> sides = absl::StrSplit(text, absl::MaxSplits('=', 1));
  if (sides.size() == 2) {
    condition.values = absl::StrSplit(sides[1], '|');
  }
  absl::string_view path = sides[0];
  size_t level = absl::ConsumePrefix(&path, "/") ? 0 : levels.size() - 1;
  for (; absl::ConsumePrefix(&path, "../"); --level) {
    if (level == 0) {
      return std::nullopt;
    }
  }
  condition.from = &levels[level];
  const Descriptor* type = condition.from->type;
  for (const absl::string_view name : absl::StrSplit(path, '.')) {
    const FieldDescriptor* const field = type == nullptr ? nullptr : type->FindFieldByName(std::string(name));
    if (field == nullptr) {
      return std::nullopt;
    }
    condition.fields.push_back(field);
    type = field->message_type();
  }
  const google::protobuf::EnumDescriptor* const names = condition.fields.back()->enum_type();
  for (const std::string& value : condition.values) {
    if (names == nullptr || names->FindValueByName(value) == nullptr) {
      return std::nullopt;
    }
  }
  return condition;
}

std::string TextOf(const Condition& condition) {
  const FieldDescriptor& field = *condition.fields.back();
  const std::string path = absl::StrCat(
      condition.from->prefix, absl::StrJoin(condition.fields, ".", [](std::string* text, const FieldDescriptor* one) {
        absl::StrAppend(text, one->name());
      }));
  if (!condition.values.empty()) {
    return absl::StrCat(path, " is ", absl::StrJoin(condition.values, " or "));
  }
  if (field.is_repeated() || field.cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE ||
      field.cpp_type() == FieldDescriptor::CPPTYPE_STRING) {
    return absl::StrCat(path, condition.set ? " is set" : " is not set");
  }
  if (field.cpp_type() == FieldDescriptor::CPPTYPE_BOOL) {
    return absl::StrCat(path, condition.set ? " is true" : " is false");
  }
  return absl::StrCat(path, condition.set ? " is above 0" : " is 0");
}

// Whether the field has this value: its default if `fallback`, otherwise none, 0 or false.
bool Has(const Message& message, const FieldDescriptor& field, bool fallback) {
  const Reflection& r = *message.GetReflection();
  if (field.is_repeated()) {
    return r.FieldSize(message, &field) == 0;
  }
  switch (field.cpp_type()) {
    case FieldDescriptor::CPPTYPE_STRING:
      return r.GetString(message, &field) == (fallback ? field.default_value_string() : "");
    case FieldDescriptor::CPPTYPE_ENUM:
      return r.GetEnum(message, &field)->number() == (fallback ? field.default_value_enum()->number() : 0);
    case FieldDescriptor::CPPTYPE_BOOL:
      return r.GetBool(message, &field) == (fallback && field.default_value_bool());
    case FieldDescriptor::CPPTYPE_INT32:
      return r.GetInt32(message, &field) == (fallback ? field.default_value_int32() : 0);
    case FieldDescriptor::CPPTYPE_INT64:
      return r.GetInt64(message, &field) == (fallback ? field.default_value_int64() : 0);
    case FieldDescriptor::CPPTYPE_UINT64:
      return r.GetUInt64(message, &field) == (fallback ? field.default_value_uint64() : 0);
    case FieldDescriptor::CPPTYPE_DOUBLE:
      return r.GetDouble(message, &field) == (fallback ? field.default_value_double() : 0);
    default:
      return !r.HasField(message, &field);
  }
}

bool Holds(const Condition& condition) {
  const Message* message = condition.from->message;
  for (size_t i = 0; i + 1 < condition.fields.size(); ++i) {
    message = &message->GetReflection()->GetMessage(*message, condition.fields[i]);
  }
  const FieldDescriptor& field = *condition.fields.back();
  if (condition.values.empty()) {
    return Has(*message, field, /*fallback=*/false) != condition.set;
  }
  const std::string& value = message->GetReflection()->GetEnum(*message, &field)->name();
  return std::find(condition.values.begin(), condition.values.end(), value) != condition.values.end();
}

void FindWithoutEffect(std::vector<SpecLevel>* levels, std::vector<std::string>* found) {
  const SpecLevel level = levels->back();
  const Message& message = *level.message;
  const Reflection& r = *message.GetReflection();
  for (int i = 0; i < level.type->field_count(); ++i) {
    const FieldDescriptor& field = *level.type->field(i);
    const std::string path = level.prefix + field.name();
    const bool differs = !Has(message, field, /*fallback=*/true);
    for (const std::string& text : field.options().GetExtension(rule).only_with()) {
      const std::optional<Condition> condition = differs ? Find(*levels, text) : std::nullopt;
      if (condition.has_value() && !Holds(*condition)) {
        found->push_back(absl::StrCat(path, " has no effect: it is used only if ", TextOf(*condition)));
        break;
      }
    }
    if (!differs || field.cpp_type() != FieldDescriptor::CPPTYPE_MESSAGE) {
      continue;
    }
    const int count = field.is_repeated() ? r.FieldSize(message, &field) : 1;
    for (int k = 0; k < count; ++k) {
      const bool repeated = field.is_repeated();
      levels->push_back({field.message_type(), absl::StrCat(path, repeated ? absl::StrCat("[", k, "]") : "", "."),
                         repeated ? &r.GetRepeatedMessage(message, &field, k) : &r.GetMessage(message, &field)});
      FindWithoutEffect(levels, found);
      levels->pop_back();
    }
  }
}

}  // namespace

std::optional<std::string> ConditionText(const std::vector<SpecLevel>& levels, absl::string_view condition) {
  const std::optional<Condition> found = Find(levels, condition);
  return found.has_value() ? std::make_optional(TextOf(*found)) : std::nullopt;
}

std::vector<std::string> SettingsWithoutEffect(const Message& spec, const std::string& prefix) {
  std::vector<SpecLevel> levels = {{spec.GetDescriptor(), prefix, &spec}};
  std::vector<std::string> found;
  FindWithoutEffect(&levels, &found);
  return found;
}

}  // namespace metaprompt
