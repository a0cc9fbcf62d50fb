#include "datasets/readers/jsonl.h"

#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "datasets/readers/bad_lines.h"
#include "datasets/readers/file_lines.h"
#include "datasets/readers/json_fields.h"

namespace metaprompt {
namespace {

absl::Status TakeLine(absl::string_view line, const JsonlSource& source, const ImportOptions& options,
                      Imported* imported) {
  const absl::StatusOr<nlohmann::json> object = ParseObject(line);
  if (!object.ok()) {
    return object.status();
  }
  const auto text_value = FieldOf(*object, source.text_field());
  if (!text_value.ok()) {
    return text_value.status();
  }
  const auto label_value = FieldOf(*object, source.label_field());
  if (!label_value.ok()) {
    return label_value.status();
  }
  absl::StatusOr<std::string> text = TextIn(**text_value, source.text_field(), options.max_words);
  if (!text.ok()) {
    return text.status();
  }
  absl::StatusOr<std::string> label = LabelIn(**label_value, source.label_field());
  if (!label.ok()) {
    return label.status();
  }
  if (text->empty()) {
    return absl::InvalidArgumentError(absl::StrCat("field '", source.text_field(), "' is empty"));
  }
  imported->Add(*std::move(label), *std::move(text));
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<Imported> LoadJsonl(const JsonlSource& source, const ImportOptions& options) {
  Imported imported;
  BadLines bad;
  absl::Status status = ForEachLine(source.path(), &bad,
                                    [&](absl::string_view line) { return TakeLine(line, source, options, &imported); });
  status.Update(imported.Finish(bad, options, source.path()));
  if (!status.ok()) {
    return status;
  }
  return imported;
}

}  // namespace metaprompt
