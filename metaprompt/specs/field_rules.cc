#include "metaprompt/specs/field_rules.h"

#include <cmath>
#include <cstdlib>
#include <optional>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "google/protobuf/descriptor.h"
#include "metaprompt/base/text.h"
#include "metaprompt/specs/field_names.h"
#include "metaprompt/specs/field_rule.pb.h"
#include "metaprompt/specs/only_with.h"

namespace metaprompt {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using google::protobuf::OneofDescriptor;
using google::protobuf::Reflection;

// The shortest decimal form that is parsed as the same double. Whole numbers below 1e10 have no exponent.
std::string Number(double value) {
  if (std::abs(value) < 1e10 && value == std::trunc(value)) {
    return absl::StrFormat("%.0f", value);
  }
  std::string text;
  for (int digits = 1; digits <= 17; ++digits) {
    text = absl::StrFormat("%.*g", digits, value);
    if (std::strtod(text.c_str(), nullptr) == value) {
      break;
    }
  }
  return text;
}

// "> 0 and <= 100", or empty.
std::string Range(const FieldRule& rule) {
  std::vector<std::string> bounds;
  if (rule.has_gt()) bounds.push_back(absl::StrCat("> ", Number(rule.gt())));
  if (rule.has_ge()) bounds.push_back(absl::StrCat(">= ", Number(rule.ge())));
  if (rule.has_lt()) bounds.push_back(absl::StrCat("< ", Number(rule.lt())));
  if (rule.has_le()) bounds.push_back(absl::StrCat("<= ", Number(rule.le())));
  return absl::StrJoin(bounds, " and ");
}

bool InRange(const FieldRule& rule, double value) {
  return std::isfinite(value) && (!rule.has_gt() || value > rule.gt()) && (!rule.has_ge() || value >= rule.ge()) &&
         (!rule.has_lt() || value < rule.lt()) && (!rule.has_le() || value <= rule.le());
}

// The value of a field as a double; false if it is not a signed whole number or a double.
bool NumberOf(const Message& message, const FieldDescriptor& field, int index, double* value) {
  const Reflection& r = *message.GetReflection();
  const bool repeated = field.is_repeated();
  switch (field.cpp_type()) {
    case FieldDescriptor::CPPTYPE_INT32:
      *value = repeated ? r.GetRepeatedInt32(message, &field, index) : r.GetInt32(message, &field);
      return true;
    case FieldDescriptor::CPPTYPE_INT64:
      *value = static_cast<double>(repeated ? r.GetRepeatedInt64(message, &field, index) : r.GetInt64(message, &field));
      return true;
    case FieldDescriptor::CPPTYPE_DOUBLE:
      *value = repeated ? r.GetRepeatedDouble(message, &field, index) : r.GetDouble(message, &field);
      return true;
    default:
      return false;
  }
}

// The error if no field may have this string; otherwise empty. Records are text, and a zero byte would end a path.
std::string WrongText(const Message& message, const FieldDescriptor& field, int index) {
  const Reflection& r = *message.GetReflection();
  const std::string text =
      field.is_repeated() ? r.GetRepeatedString(message, &field, index) : r.GetString(message, &field);
  if (const absl::Status utf8 = CheckUtf8(text); !utf8.ok()) {
    return std::string(utf8.message());
  }
  return text.find('\0') == std::string::npos ? "" : "it holds a zero byte";
}

bool Empty(const Message& message, const FieldDescriptor& field) {
  const Reflection& r = *message.GetReflection();
  if (field.is_repeated()) {
    return r.FieldSize(message, &field) == 0;
  }
  if (field.cpp_type() == FieldDescriptor::CPPTYPE_STRING) {
    return r.GetString(message, &field).empty();
  }
  return !r.HasField(message, &field);
}

void Check(const Message& message, const std::string& prefix, std::vector<std::string>* broken) {
  const Descriptor& type = *message.GetDescriptor();
  const Reflection& r = *message.GetReflection();
  for (int i = 0; i < type.oneof_decl_count(); ++i) {
    const OneofDescriptor& oneof = *type.oneof_decl(i);
    if (oneof.options().GetExtension(choose_one) && !r.HasOneof(message, &oneof)) {
      std::vector<std::string> members;
      for (int k = 0; k < oneof.field_count(); ++k) {
        members.push_back(absl::StrCat(prefix, oneof.field(k)->name()));
      }
      broken->push_back(absl::StrCat("one of these must be set: ", absl::StrJoin(members, ", ")));
    }
  }
  for (int i = 0; i < type.field_count(); ++i) {
    const FieldDescriptor& field = *type.field(i);
    const FieldRule& rule = field.options().GetExtension(metaprompt::rule);
    const std::string path = prefix + field.name();
    if (field.containing_oneof() != nullptr && !r.HasField(message, &field)) {
      continue;
    }
    if (rule.required() && Empty(message, field)) {
      broken->push_back(absl::StrCat(path, " must be set"));
      continue;
    }
    const int count = field.is_repeated() ? r.FieldSize(message, &field) : 1;
    for (int k = 0; k < count; ++k) {
      const std::string place = field.is_repeated() ? absl::StrCat(path, "[", k, "]") : path;
      double value = 0;
      if (field.cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE) {
        if (field.is_repeated()) {
          Check(r.GetRepeatedMessage(message, &field, k), place + ".", broken);
        } else if (r.HasField(message, &field)) {
          Check(r.GetMessage(message, &field), place + ".", broken);
        }
      } else if (field.cpp_type() == FieldDescriptor::CPPTYPE_STRING) {
        if (const std::string wrong = WrongText(message, field, k); !wrong.empty()) {
          broken->push_back(absl::StrCat(place, ": ", wrong));
        }
      } else if (NumberOf(message, field, k, &value) && !InRange(rule, value)) {
        const std::string range = Range(rule);
        broken->push_back(
            absl::StrCat(place, " is ", Number(value), "; it must be ", range.empty() ? "a finite number" : range));
      }
    }
  }
}

void Describe(std::vector<SpecLevel>* levels, std::string* text);

// Describes a field of the last level, and the fields below it.
void DescribeField(const FieldDescriptor& field, std::vector<SpecLevel>* levels, std::string* text) {
  const FieldRule& rule = field.options().GetExtension(metaprompt::rule);
  const std::string path = levels->back().prefix + field.name();
  std::vector<std::string> facts;
  switch (field.cpp_type()) {
    case FieldDescriptor::CPPTYPE_MESSAGE:
      break;
    case FieldDescriptor::CPPTYPE_ENUM:
      facts.push_back(absl::StrCat("one of ", EnumNames(field)));
      facts.push_back(absl::StrCat("default ", field.default_value_enum()->name()));
      break;
    case FieldDescriptor::CPPTYPE_STRING:
      facts.push_back("text");
      if (!field.default_value_string().empty()) {
        facts.push_back(absl::StrCat("default \"", absl::Utf8SafeCEscape(field.default_value_string()), "\""));
      }
      break;
    case FieldDescriptor::CPPTYPE_DOUBLE:
      facts.push_back("number");
      facts.push_back(absl::StrCat("default ", Number(field.default_value_double())));
      break;
    case FieldDescriptor::CPPTYPE_BOOL:
      facts.push_back(absl::StrCat("true or false, default ", field.default_value_bool() ? "true" : "false"));
      break;
    case FieldDescriptor::CPPTYPE_UINT64:
      facts.push_back(absl::StrCat("whole number, default ", field.default_value_uint64()));
      break;
    case FieldDescriptor::CPPTYPE_INT64:
      facts.push_back(absl::StrCat("whole number, default ", field.default_value_int64()));
      break;
    default:
      facts.push_back("whole number");
      if (!field.is_repeated()) {
        facts.push_back(absl::StrCat("default ", field.default_value_int32()));
      }
      break;
  }
  if (const std::string range = Range(rule); !range.empty()) facts.push_back(range);
  if (field.is_repeated()) facts.push_back("a list");
  if (rule.required()) facts.push_back("required");
  if (field.containing_oneof() != nullptr) facts.push_back("one of several alternatives");
  absl::StrAppend(text, path, facts.empty() ? "" : absl::StrCat("  [", absl::StrJoin(facts, ", "), "]"), "\n");
  if (!rule.doc().empty()) absl::StrAppend(text, "    ", rule.doc(), "\n");
  for (const std::string& condition : rule.only_with()) {
    if (const std::optional<std::string> needed = ConditionText(*levels, condition); needed.has_value()) {
      absl::StrAppend(text, "    used only if ", *needed, "\n");
    }
  }
  if (field.cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE) {
    levels->push_back({field.message_type(), path + "."});
    Describe(levels, text);
    levels->pop_back();
  }
}

void Describe(std::vector<SpecLevel>* levels, std::string* text) {
  const Descriptor& type = *levels->back().type;
  for (int i = 0; i < type.field_count(); ++i) {
    DescribeField(*type.field(i), levels, text);
  }
}

}  // namespace

std::vector<std::string> BrokenRules(const Message& spec, const std::string& prefix) {
  std::vector<std::string> broken;
  Check(spec, prefix, &broken);
  return broken;
}

void WriteOutDefaults(Message* spec) {
  const Descriptor& type = *spec->GetDescriptor();
  const Reflection& r = *spec->GetReflection();
  for (int i = 0; i < type.field_count(); ++i) {
    const FieldDescriptor& field = *type.field(i);
    if (field.is_repeated()) {
      continue;
    }
    const bool set = r.HasField(*spec, &field);
    switch (field.cpp_type()) {
      case FieldDescriptor::CPPTYPE_MESSAGE:
        // An unset message stays unset, because setting it may switch on an option, such as a loss.
        if (set) {
          WriteOutDefaults(r.MutableMessage(spec, &field));
        }
        break;
      case FieldDescriptor::CPPTYPE_INT32:
        if (!set) r.SetInt32(spec, &field, field.default_value_int32());
        break;
      case FieldDescriptor::CPPTYPE_INT64:
        if (!set) r.SetInt64(spec, &field, field.default_value_int64());
        break;
      case FieldDescriptor::CPPTYPE_UINT64:
        if (!set) r.SetUInt64(spec, &field, field.default_value_uint64());
        break;
      case FieldDescriptor::CPPTYPE_DOUBLE:
        if (!set) r.SetDouble(spec, &field, field.default_value_double());
        break;
      case FieldDescriptor::CPPTYPE_BOOL:
        if (!set) r.SetBool(spec, &field, field.default_value_bool());
        break;
      case FieldDescriptor::CPPTYPE_ENUM:
        if (!set) r.SetEnum(spec, &field, field.default_value_enum());
        break;
      case FieldDescriptor::CPPTYPE_STRING:
        if (!set && field.has_default_value()) r.SetString(spec, &field, field.default_value_string());
        break;
      default:
        break;
    }
  }
}

absl::Status DescribeFields(const Message& spec, absl::string_view path, std::string* text) {
  std::vector<SpecLevel> levels = {{spec.GetDescriptor(), ""}};
  const FieldDescriptor* leaf = nullptr;
  for (const absl::string_view name : absl::StrSplit(path, '.', absl::SkipEmpty())) {
    const Descriptor& type = *levels.back().type;
    const FieldDescriptor* const field = leaf != nullptr ? nullptr : type.FindFieldByName(std::string(name));
    if (field == nullptr) {
      return absl::InvalidArgumentError(
          absl::StrCat("there is no field '", path, "'",
                       leaf != nullptr ? "" : absl::StrCat("; known here: ", absl::StrJoin(FieldNames(type), ", "))));
    }
    if (field->message_type() == nullptr) {
      leaf = field;
    } else {
      levels.push_back({field->message_type(), absl::StrCat(levels.back().prefix, name, ".")});
    }
  }
  if (leaf != nullptr) {
    DescribeField(*leaf, &levels, text);
  } else {
    Describe(&levels, text);
  }
  return absl::OkStatus();
}

std::vector<std::string> PathsIn(const Message& spec) {
  const Reflection& r = *spec.GetReflection();
  std::vector<const FieldDescriptor*> fields;
  r.ListFields(spec, &fields);
  std::vector<std::string> paths;
  for (const FieldDescriptor* field : fields) {
    const bool is_message = field->cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE;
    if (!is_message && !field->options().GetExtension(metaprompt::rule).is_path()) {
      continue;
    }
    const int count = field->is_repeated() ? r.FieldSize(spec, field) : 1;
    for (int i = 0; i < count; ++i) {
      if (is_message) {
        const std::vector<std::string> inner =
            PathsIn(field->is_repeated() ? r.GetRepeatedMessage(spec, field, i) : r.GetMessage(spec, field));
        paths.insert(paths.end(), inner.begin(), inner.end());
      } else {
        paths.push_back(field->is_repeated() ? r.GetRepeatedString(spec, field, i) : r.GetString(spec, field));
      }
    }
  }
  return paths;
}

}  // namespace metaprompt
