#include "metaprompt/specs/spec_fields.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "google/protobuf/descriptor.h"
#include "google/protobuf/io/tokenizer.h"
#include "google/protobuf/text_format.h"
#include "metaprompt/base/nearest_name.h"
#include "metaprompt/base/text.h"
#include "metaprompt/specs/field_names.h"

namespace metaprompt {
namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using google::protobuf::TextFormat;

class FirstError : public google::protobuf::io::ErrorCollector {
 public:
  void AddError(int line, int column, const std::string& message) override {
    if (message_.empty()) {
      line_ = line;
      message_ = message;
      column_ = column;
    }
  }
  void AddWarning(int, int, const std::string&) override {}

  const std::string& message() const { return message_; }
  std::string Place() const { return absl::StrCat(line_ + 1, ":", column_ + 1); }
  int line() const { return line_; }
  int column() const { return column_; }  // from 0; a tab counts up to the next multiple of eight

 private:
  int line_ = 0;
  int column_ = 0;
  std::string message_;
};

const char* TypeName(const FieldDescriptor& field) {
  switch (field.cpp_type()) {
    case FieldDescriptor::CPPTYPE_INT32:
    case FieldDescriptor::CPPTYPE_INT64:
      return "a whole number";
    case FieldDescriptor::CPPTYPE_UINT64:
      return "a whole number >= 0";
    case FieldDescriptor::CPPTYPE_BOOL:
      return "true or false";
    case FieldDescriptor::CPPTYPE_STRING:
      return "a string";
    case FieldDescriptor::CPPTYPE_MESSAGE:
      return "a group of fields";
    default:
      return "a number";
  }
}

// The parser's message `Message type "TYPE" has no field named "FIELD".` as one that lists the fields that TYPE has.
// Other messages are unchanged.
std::string WithKnownFields(const std::string& message, const Message& spec) {
  const std::vector<std::string> parts = absl::StrSplit(message, '"');
  if (parts.size() != 5 || parts[2] != " has no field named ") {
    return message;
  }
  const google::protobuf::Descriptor* const type =
      spec.GetDescriptor()->file()->pool()->FindMessageTypeByName(parts[1]);
  return type == nullptr
             ? message
             : absl::StrCat("there is no field '", parts[3], "'; known: ", absl::StrJoin(FieldNames(*type), ", "));
}

// For a character that may occur only in strings, the parser's message has the number of a byte. This message shows the
// character.
std::string MessageOf(const FirstError& error, absl::string_view text) {
  const std::vector<absl::string_view> lines = absl::StrSplit(text, '\n');
  if (!absl::StartsWith(error.message(), "Interpreting non ascii codepoint") ||
      static_cast<size_t>(error.line()) >= lines.size()) {
    constexpr size_t kMost = 400;
    return error.message().size() > kMost ? absl::StrCat(error.message().substr(0, kMost), "...") : error.message();
  }
  const absl::string_view line = lines[static_cast<size_t>(error.line())];
  const auto is_byte_of_character = [](char c) { return static_cast<unsigned char>(c) >= 0x80; };
  const auto* from = line.begin();
  for (int column = 0; column < error.column() && from != line.end(); ++from) {
    column += *from == '\t' ? 8 - column % 8 : 1;
  }
  const auto* const begin = std::find_if(from, line.end(), is_byte_of_character);
  const auto* const end = std::find_if(begin + (begin != line.end() ? 1 : 0), line.end(),
                                       [](char c) { return (static_cast<unsigned char>(c) & 0xc0U) != 0x80; });
  return absl::StrCat("the character ",
                      Quoted(line.substr(static_cast<size_t>(begin - line.begin()), static_cast<size_t>(end - begin))),
                      " is outside of a string; strings are in straight quotes: \"...\" or '...'");
}

// Whether `value` is a single number, truth value or name. Otherwise the parser could read a part of it as another
// field.
bool IsOneWord(absl::string_view value) {
  return std::all_of(value.begin(), value.end(), [](char c) {
    return absl::ascii_isalnum(static_cast<unsigned char>(c)) || c == '-' || c == '+' || c == '.' || c == '_';
  });
}

}  // namespace

absl::Status ParseSpec(absl::string_view text, absl::string_view name, Message* spec) {
  absl::ConsumePrefix(&text, "\xef\xbb\xbf");  // a byte-order mark
  FirstError errors;
  TextFormat::Parser parser;
  parser.RecordErrorsTo(&errors);
  if (!parser.ParseFromString(std::string(text), spec)) {
    return absl::InvalidArgumentError(
        absl::StrCat(name, ":", errors.Place(), ": ", WithKnownFields(MessageOf(errors, text), *spec)));
  }
  return absl::OkStatus();
}

absl::Status SetField(absl::string_view assignment, Message* spec) {
  const size_t equals = assignment.find('=');
  if (equals == absl::string_view::npos || equals == 0) {
    return absl::InvalidArgumentError(
        absl::StrCat("--set ", assignment, ": expected FIELD=VALUE, as in seed=1, or GROUP={...}"));
  }
  const std::string path(assignment.substr(0, equals));
  std::string value(assignment.substr(equals + 1));
  const std::vector<std::string> names = absl::StrSplit(path, '.');
  Message* message = spec;
  std::string walked;
  for (size_t i = 0; i < names.size(); ++i) {
    const FieldDescriptor* field = message->GetDescriptor()->FindFieldByName(names[i]);
    if (field == nullptr) {
      return absl::InvalidArgumentError(
          absl::StrCat("--set ", path, ": there is no field '", names[i], "'", walked.empty() ? "" : " in ", walked,
                       "; known: ", absl::StrJoin(FieldNames(*message->GetDescriptor()), ", ")));
    }
    absl::StrAppend(&walked, walked.empty() ? "" : ".", names[i]);
    const bool is_message = field->cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE;
    if (i + 1 < names.size()) {
      if (!is_message || field->is_repeated()) {
        return absl::InvalidArgumentError(absl::StrCat("--set ", path, ": ", walked, " has no fields"));
      }
      message = message->GetReflection()->MutableMessage(message, field);
      continue;
    }
    // The text-format parser checks the value against the type.
    const bool text = field->cpp_type() == FieldDescriptor::CPPTYPE_STRING;
    const auto literal = [&](absl::string_view v) {
      return text ? absl::StrCat("\"", absl::CHexEscape(v), "\"") : std::string(v);
    };
    std::string line;
    bool whole = true;
    if (is_message) {
      const bool braced = absl::StartsWith(value, "{") && absl::EndsWith(value, "}");
      line = absl::StrCat(field->name(), braced ? " " : " { ", value, braced ? "" : " }");
    } else if (field->is_repeated()) {
      std::vector<std::string> items;
      absl::string_view list = absl::StripAsciiWhitespace(value);
      if (absl::StartsWith(list, "[") && absl::EndsWith(list, "]") && list.size() > 1) {  // as `check` prints it
        list = list.substr(1, list.size() - 2);
      }
      for (absl::string_view item : absl::StrSplit(list, ',', absl::SkipWhitespace())) {
        whole = whole && (text || IsOneWord(absl::StripAsciiWhitespace(item)));
        items.push_back(literal(absl::StripAsciiWhitespace(item)));
      }
      line = absl::StrCat(field->name(), ": [", absl::StrJoin(items, ", "), "]");
    } else {
      whole = text || IsOneWord(value);
      line = absl::StrCat(field->name(), ": ", literal(value));
    }
    message->GetReflection()->ClearField(message, field);
    if (is_message && IsOneWord(value)) {
      if (const std::string meant = NearestName(value, FieldNames(*field->message_type())); !meant.empty()) {
        const bool group = field->message_type()->FindFieldByName(meant)->message_type() != nullptr;
        return absl::InvalidArgumentError(absl::StrCat("--set ", path, ": ", Quoted(value),
                                                       " is not a group of fields; write --set ", path, ".", meant,
                                                       group ? "={}" : "=VALUE"));
      }
    }
    FirstError errors;
    TextFormat::Parser parser;
    parser.RecordErrorsTo(&errors);
    if (!whole || !parser.MergeFromString(line, message)) {
      const bool is_enum = field->cpp_type() == FieldDescriptor::CPPTYPE_ENUM;
      return absl::InvalidArgumentError(
          absl::StrCat("--set ", path, ": ", Quoted(value), " is ", is_enum ? "none of " : "not ",
                       is_enum ? EnumNames(*field) : TypeName(*field),
                       is_enum || errors.message().empty() ? "" : absl::StrCat(" (", errors.message(), ")")));
    }
  }
  return absl::OkStatus();
}

std::string SpecText(const Message& spec) {
  std::string text;
  TextFormat::Printer printer;
  printer.SetUseShortRepeatedPrimitives(true);
  printer.SetUseUtf8StringEscaping(true);
  printer.PrintToString(spec, &text);
  return text;
}

}  // namespace metaprompt
