#include "datasets/jsonl.h"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "datasets/lines.h"
#include "metaprompt/base/files.h"
#include "nlohmann/json.hpp"

namespace metaprompt {
namespace {

using Json = nlohmann::json;

std::string MissingField(const Json& object, const std::string& field) {
  std::vector<std::string> names;
  for (const auto& [name, value] : object.items()) {
    names.push_back(name);
  }
  return absl::StrCat("no field '", field, "'; the object has: ", names.empty() ? "none" : absl::StrJoin(names, ", "));
}

std::string WrongType(const Json& value, const std::string& field, const char* expected) {
  // Lists and objects by their kind alone: they may be nested more deeply than printing them can follow.
  return absl::StrCat("field '", field, "' is ",
                      value.is_structured() ? absl::StrCat("an ", value.type_name()) : Quoted(value.dump()),
                      "; it must be ", expected);
}

// False if the value is neither a string nor an array of strings.
bool TextOf(const Json& value, std::string* text) {
  if (value.is_string()) {
    *text = CollapseBlanks(value.get_ref<const std::string&>());
    return true;
  }
  if (!value.is_array() || !std::all_of(value.begin(), value.end(), [](const Json& v) { return v.is_string(); })) {
    return false;
  }
  std::string joined;
  for (const Json& part : value) {
    absl::StrAppend(&joined, part.get_ref<const std::string&>(), " ");
  }
  *text = CollapseBlanks(joined);
  return true;
}

// False if the value is neither a string nor an integer.
bool LabelOf(const Json& value, std::string* label) {
  if (value.is_string()) {
    *label = CollapseBlanks(value.get_ref<const std::string&>());
    return true;
  }
  if (value.is_number_integer()) {
    *label = value.dump();
    return true;
  }
  return false;
}

}  // namespace

absl::StatusOr<TextsByLabel> LoadJsonl(const JsonlSource& source) {
  const absl::StatusOr<std::string> file = ReadFile(source.path());
  if (!file.ok()) {
    return file.status();
  }
  TextsByLabel texts;
  Lines lines(*file, source.path());
  while (lines.Next()) {
    if (lines.line().empty()) {
      continue;
    }
    const Json object =
        Json::parse(lines.line().begin(), lines.line().end(), /*cb=*/nullptr, /*allow_exceptions=*/false);
    if (object.is_discarded()) {
      return lines.Error("not valid JSON");
    }
    if (!object.is_object()) {
      return lines.Error("not a JSON object");
    }
    const auto text_field = object.find(source.text_field());
    const auto label_field = object.find(source.label_field());
    if (text_field == object.end()) {
      return lines.Error(MissingField(object, source.text_field()));
    }
    if (label_field == object.end()) {
      return lines.Error(MissingField(object, source.label_field()));
    }
    std::string text;
    std::string label;
    if (!TextOf(*text_field, &text)) {
      return lines.Error(WrongType(*text_field, source.text_field(), "a string or an array of strings"));
    }
    if (!LabelOf(*label_field, &label)) {
      return lines.Error(WrongType(*label_field, source.label_field(), "a string or an integer"));
    }
    if (text.empty()) {
      return lines.Error(absl::StrCat("field '", source.text_field(), "' is empty"));
    }
    if (label.empty()) {
      return lines.Error(absl::StrCat("field '", source.label_field(), "' is empty"));
    }
    texts[std::move(label)].push_back(std::move(text));
  }
  if (!lines.status().ok()) {
    return lines.status();
  }
  if (texts.empty()) {
    return absl::InvalidArgumentError(absl::StrCat(source.path(), ": no text in this file"));
  }
  return texts;
}

}  // namespace metaprompt
