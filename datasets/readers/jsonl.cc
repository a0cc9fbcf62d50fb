#include "datasets/readers/jsonl.h"

#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "datasets/readers/bad_lines.h"
#include "datasets/readers/file_lines.h"
#include "datasets/readers/json_fields.h"
#include "metaprompt/base/status_macros.h"

namespace metaprompt {
namespace {

absl::Status TakeLine(absl::string_view line, const JsonlSource& source, const ImportOptions& options,
                      Imported* imported) {
  ASSIGN_OR_RETURN(const nlohmann::json object, ParseObject(line));
  ASSIGN_OR_RETURN(const nlohmann::json* const text_value, FieldOf(object, source.text_field()));
  ASSIGN_OR_RETURN(const nlohmann::json* const label_value, FieldOf(object, source.label_field()));
  ASSIGN_OR_RETURN(std::string text, TextIn(*text_value, source.text_field(), options.max_words));
  ASSIGN_OR_RETURN(std::string label, LabelIn(*label_value, source.label_field()));
  if (text.empty()) {
    return absl::InvalidArgumentError(absl::StrCat("field '", source.text_field(), "' is empty"));
  }
  imported->Add(std::move(label), std::move(text));
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<Imported> LoadJsonl(const JsonlSource& source, const ImportOptions& options) {
  Imported imported;
  BadLines bad;
  RETURN_IF_ERROR(ForEachLine(source.path(), &bad,
                              [&](absl::string_view line) { return TakeLine(line, source, options, &imported); }));
  RETURN_IF_ERROR(imported.Finish(bad, options, source.path()));
  return imported;
}

}  // namespace metaprompt
