#include "datasets/sources/prepared.h"

#include <utility>

#include "absl/status/statusor.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "datasets/readers/bad_lines.h"
#include "datasets/readers/file_lines.h"
#include "datasets/readers/json_fields.h"
#include "metaprompt/base/status_macros.h"
#include "metaprompt/base/text.h"

namespace metaprompt {

absl::Status TakePrepared(const nlohmann::json& object, absl::Span<const PublicClass> classes,
                          const ImportOptions& options, Imported* imported) {
  const char* const text_field = object.contains("raw") ? "raw" : "text";
  ASSIGN_OR_RETURN(const nlohmann::json* const text_value, FieldOf(object, text_field));
  ASSIGN_OR_RETURN(const nlohmann::json* const label_value, FieldOf(object, "label"));
  ASSIGN_OR_RETURN(std::string text, TextIn(*text_value, text_field, options.max_words));
  ASSIGN_OR_RETURN(const std::string label, LabelIn(*label_value, "label"));
  for (size_t i = 0; i < classes.size(); ++i) {
    if (label == absl::StrCat(i) || label == classes[i].label ||
        (classes[i].name != nullptr && label == classes[i].name)) {
      imported->Add(classes[i].label, std::move(text));
      return absl::OkStatus();
    }
  }
  return absl::InvalidArgumentError(absl::StrCat(
      "label ", Quoted(label), " is not the number or the name of one of the ", classes.size(), " classes"));
}

absl::StatusOr<Imported> LoadPrepared(const std::string& path, absl::Span<const PublicClass> classes,
                                      const ImportOptions& options) {
  Imported imported;
  BadLines bad;
  const auto take = [&](absl::string_view line) -> absl::Status {
    ASSIGN_OR_RETURN(const nlohmann::json object, ParseObject(line));
    return TakePrepared(object, classes, options, &imported);
  };
  RETURN_IF_ERROR(ForEachLine(path, &bad, take));
  RETURN_IF_ERROR(imported.Finish(bad, options, path));
  return imported;
}

bool IsPrepared(absl::string_view path) {
  for (const char* packed : {"", ".gz", ".xz", ".bz2", ".zst", ".lz4"}) {
    if (absl::EndsWith(path, absl::StrCat(".json", packed)) || absl::EndsWith(path, absl::StrCat(".jsonl", packed))) {
      return true;
    }
  }
  return false;
}

}  // namespace metaprompt
