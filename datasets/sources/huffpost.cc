#include "datasets/sources/huffpost.h"

#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "datasets/readers/bad_lines.h"
#include "datasets/readers/file_lines.h"
#include "datasets/readers/json_fields.h"
#include "datasets/sources/prepared.h"
#include "datasets/sources/public_classes.h"

namespace metaprompt {
namespace {

absl::Status TakeArticle(const nlohmann::json& object, const HuffPostSource& source, const ImportOptions& options,
                         Imported* imported) {
  const auto category = FieldOf(object, "category");
  if (!category.ok()) {
    return category.status();
  }
  absl::StatusOr<std::string> label = LabelIn(**category, "category");
  if (!label.ok()) {
    return label.status();
  }
  std::string text;
  for (const char* field : {"headline", "short_description"}) {
    const auto value = FieldOf(object, field);
    if (!value.ok()) {
      return value.status();
    }
    const absl::StatusOr<std::string> part = TextIn(**value, field, options.max_words);
    if (!part.ok()) {
      return part.status();
    }
    absl::StrAppend(&text, *part, " ");
    if (source.text() == HuffPostSource::HEADLINE) {
      break;
    }
  }
  imported->Add(*std::move(label), CollapseBlanks(text, options.max_words));
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<Imported> LoadHuffPost(const HuffPostSource& source, const ImportOptions& options) {
  Imported imported;
  BadLines bad;
  absl::Status status = ForEachLine(source.path(), &bad, [&](absl::string_view line) {
    const absl::StatusOr<nlohmann::json> object = ParseObject(line);
    if (!object.ok()) {
      return object.status();
    }
    return !object->contains("category") && object->contains("label")
               ? TakePrepared(*object, kHuffPostClasses, options, &imported)
               : TakeArticle(*object, source, options, &imported);
  });
  status.Update(imported.Finish(bad, options, source.path()));
  if (!status.ok()) {
    return status;
  }
  return imported;
}

}  // namespace metaprompt
