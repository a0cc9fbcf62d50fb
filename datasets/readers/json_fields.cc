#include "datasets/readers/json_fields.h"

#include <algorithm>
#include <limits>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "datasets/readers/texts_by_label.h"
#include "metaprompt/base/json.h"
#include "metaprompt/base/text.h"

namespace metaprompt {
namespace {

using Json = nlohmann::json;

// Cuts a list in an error to at most 400 bytes.
std::string Cut(const std::string& list) {
  constexpr size_t kMost = 400;
  return list.size() <= kMost ? list : absl::StrCat(list.substr(0, kMost), "...");
}

absl::Status WrongType(const Json& value, const std::string& field, const char* expected) {
  // Of arrays and objects only the kind is printed: they may be nested so deeply that printing them fails.
  return absl::InvalidArgumentError(absl::StrCat(
      "field '", field, "' is ", value.is_structured() ? absl::StrCat("an ", value.type_name()) : Quoted(value.dump()),
      "; it must be ", expected));
}

}  // namespace

absl::StatusOr<Json> ParseObject(absl::string_view line) {
  // The parsed form of an object in which a field occurs twice has fewer fields than the text.
  std::vector<size_t> given;  // for each object that has not ended: its fields in the text so far
  bool twice = false;
  const auto look = [&](int /*depth*/, Json::parse_event_t event, const Json& value) {
    if (event == Json::parse_event_t::object_start) {
      given.push_back(0);
    } else if (event == Json::parse_event_t::key) {
      ++given.back();
    } else if (event == Json::parse_event_t::object_end) {
      twice = twice || value.size() != given.back();
      given.pop_back();
    }
    return true;
  };
  Json object = Json::parse(line.begin(), line.end(), look, /*allow_exceptions=*/false);
  if (object.is_discarded()) {
    return absl::InvalidArgumentError("not valid JSON");
  }
  if (twice) {
    return ParseJson(line, std::numeric_limits<int>::max()).status();  // which names the field
  }
  if (!object.is_object()) {
    return absl::InvalidArgumentError("not a JSON object");
  }
  return object;
}

absl::StatusOr<const Json*> FieldOf(const Json& object, const std::string& field) {
  const auto found = object.find(field);
  if (found != object.end()) {
    return &*found;
  }
  std::vector<std::string> names;
  for (const auto& [name, value] : object.items()) {
    names.push_back(name);
  }
  return absl::InvalidArgumentError(absl::StrCat(
      "no field '", field, "'; the object has: ", names.empty() ? "none" : Cut(absl::StrJoin(names, ", "))));
}

absl::string_view SourceOf(absl::string_view object, const std::string& field) {
  constexpr size_t kNowhere = absl::string_view::npos;
  int depth = 0;            // of objects and arrays
  size_t begin = kNowhere;  // of the value of a field of the object itself
  bool wanted = false;      // whether it is that of `field`
  for (size_t at = 0; at < object.size(); ++at) {
    const char c = object[at];
    if (c == '"') {
      const size_t from = at++;
      for (; object[at] != '"'; ++at) {
        at += object[at] == '\\' ? 1 : 0;
      }
      if (depth == 1 && begin == kNowhere) {  // the name of a field
        wanted = Json::parse(object.substr(from, at + 1 - from)) == field;
        at = object.find(':', at);
        begin = at + 1;
      }
      continue;
    }
    depth += c == '{' || c == '[' ? 1 : c == '}' || c == ']' ? -1 : 0;
    if (begin != kNowhere && (depth == 0 || (depth == 1 && c == ','))) {
      if (wanted) {
        return absl::StripAsciiWhitespace(object.substr(begin, at - begin));
      }
      begin = kNowhere;
    }
  }
  return "";
}

absl::StatusOr<std::string> TextIn(const Json& value, const std::string& field, int64_t max_words) {
  if (value.is_string()) {
    return CollapseBlanks(value.get_ref<const std::string&>(), max_words);
  }
  if (!value.is_array() || !std::all_of(value.begin(), value.end(), [](const Json& v) { return v.is_string(); })) {
    return WrongType(value, field, "a string or an array of strings");
  }
  std::string joined;
  for (const Json& part : value) {
    absl::StrAppend(&joined, part.get_ref<const std::string&>(), " ");
  }
  return CollapseBlanks(joined, max_words);
}

absl::StatusOr<std::string> LabelIn(const Json& value, const std::string& field) {
  if (value.is_number_integer()) {
    return value.dump();
  }
  if (!value.is_string()) {
    return WrongType(value, field, "a string or an integer");
  }
  std::string label = CollapseBlanks(value.get_ref<const std::string&>());
  if (label.empty()) {
    return absl::InvalidArgumentError(absl::StrCat("field '", field, "' is empty"));
  }
  return label;
}

}  // namespace metaprompt
