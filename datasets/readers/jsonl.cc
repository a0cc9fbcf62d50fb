#include "datasets/readers/jsonl.h"

#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "datasets/readers/bad_lines.h"
#include "datasets/readers/file_lines.h"
#include "datasets/readers/json_fields.h"
#include "metaprompt/base/example_texts.h"
#include "metaprompt/base/status_macros.h"

namespace metaprompt {
namespace {

// The fields of the texts of an example, in their order.
std::vector<std::string> TextFields(const JsonlSource& source) {
  std::vector<std::string> fields = {source.text_field()};
  if (!source.text_b_field().empty()) {
    fields.push_back(source.text_b_field());
  }
  fields.insert(fields.end(), source.more_fields().begin(), source.more_fields().end());
  return fields;
}

absl::Status TakeLine(absl::string_view line, const std::vector<std::string>& fields, const std::string& label_field,
                      const ImportOptions& options, Imported* imported) {
  ASSIGN_OR_RETURN(const nlohmann::json object, ParseObject(line));
  std::vector<const nlohmann::json*> values;
  for (const std::string& field : fields) {
    ASSIGN_OR_RETURN(values.emplace_back(), FieldOf(object, field));
  }
  ASSIGN_OR_RETURN(const nlohmann::json* const label_value, FieldOf(object, label_field));
  std::vector<std::string> texts;
  for (size_t i = 0; i < fields.size(); ++i) {
    ASSIGN_OR_RETURN(texts.emplace_back(), TextIn(*values[i], fields[i], options.max_words));
  }
  ASSIGN_OR_RETURN(std::string label, LabelIn(*label_value, label_field));
  for (size_t i = 0; i < texts.size(); ++i) {
    if (texts[i].empty()) {
      return absl::InvalidArgumentError(absl::StrCat("field '", fields[i], "' is empty"));
    }
  }
  imported->Add(std::move(label), JoinTexts(texts));
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<Imported> LoadJsonl(const JsonlSource& source, const ImportOptions& options) {
  Imported imported;
  BadLines bad;
  const std::vector<std::string> fields = TextFields(source);
  RETURN_IF_ERROR(ForEachLine(source.path(), &bad, [&](absl::string_view line) {
    return TakeLine(line, fields, source.label_field(), options, &imported);
  }));
  RETURN_IF_ERROR(imported.Finish(bad, options, source.path()));
  return imported;
}

}  // namespace metaprompt
