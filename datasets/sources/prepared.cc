#include "datasets/sources/prepared.h"

#include <utility>

#include "absl/status/statusor.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "datasets/readers/bad_lines.h"
#include "datasets/readers/file_lines.h"
#include "datasets/readers/json_fields.h"
#include "metaprompt/base/text.h"

namespace metaprompt {

absl::Status TakePrepared(const nlohmann::json& object, absl::Span<const PublicClass> classes,
                          const ImportOptions& options, Imported* imported) {
  const char* const text_field = object.contains("raw") ? "raw" : "text";
  const auto text_value = FieldOf(object, text_field);
  if (!text_value.ok()) {
    return text_value.status();
  }
  const auto label_value = FieldOf(object, "label");
  if (!label_value.ok()) {
    return label_value.status();
  }
  absl::StatusOr<std::string> text = TextIn(**text_value, text_field, options.max_words);
  if (!text.ok()) {
    return text.status();
  }
  const absl::StatusOr<std::string> label = LabelIn(**label_value, "label");
  if (!label.ok()) {
    return label.status();
  }
  for (size_t i = 0; i < classes.size(); ++i) {
    if (*label == absl::StrCat(i) || *label == classes[i].label ||
        (classes[i].name != nullptr && *label == classes[i].name)) {
      imported->Add(classes[i].label, *std::move(text));
      return absl::OkStatus();
    }
  }
  return absl::InvalidArgumentError(
      absl::StrCat("label ", Quoted(*label), " is none of the ", classes.size(), " classes' numbers or names"));
}

absl::StatusOr<Imported> LoadPrepared(const std::string& path, absl::Span<const PublicClass> classes,
                                      const ImportOptions& options) {
  Imported imported;
  BadLines bad;
  absl::Status status = ForEachLine(path, &bad, [&](absl::string_view line) {
    const absl::StatusOr<nlohmann::json> object = ParseObject(line);
    return object.ok() ? TakePrepared(*object, classes, options, &imported) : object.status();
  });
  status.Update(imported.Finish(bad, options, path));
  if (!status.ok()) {
    return status;
  }
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
