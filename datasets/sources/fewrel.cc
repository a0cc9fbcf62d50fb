#include "datasets/sources/fewrel.h"

#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "datasets/dataset.pb.h"
#include "datasets/readers/json_fields.h"
#include "datasets/readers/packed_file.h"
#include "datasets/readers/texts_by_label.h"
#include "datasets/sources/distribution.h"
#include "datasets/splits/published_splits.h"
#include "metaprompt/base/status_macros.h"
#include "metaprompt/base/text.h"

namespace metaprompt {
namespace {

using Json = nlohmann::json;

constexpr Distribution kDistributions[] = {
    {"FewRel, training", 64, 44800},
    {"FewRel, validation", 16, 11200},
    {"FewRel, training and validation", 80, 56000},
};

constexpr int64_t kLargestFile = int64_t{512} << 20U;

absl::StatusOr<Json> ObjectIn(const std::string& path) {
  ASSIGN_OR_RETURN(const std::string file, ReadPackedFile(path, kLargestFile));
  absl::StatusOr<Json> object = ParseObject(file);
  return object.ok() ? std::move(object)
                     : absl::InvalidArgumentError(absl::StrCat(path, ": ", object.status().message()));
}

// The name of the entity in field h or t.
absl::StatusOr<std::string> EntityIn(const Json& instance, const std::string& field) {
  ASSIGN_OR_RETURN(const Json* const value, FieldOf(instance, field));
  if (!value->is_array() || value->empty() || !value->front().is_string()) {
    return absl::InvalidArgumentError(absl::StrCat("field '", field, "' is not a list that begins with a name"));
  }
  return value->front().get<std::string>();
}

absl::StatusOr<std::string> TextOf(const Json& instance, const FewRelSource& source, const ImportOptions& options) {
  if (!instance.is_object()) {
    return absl::InvalidArgumentError("not a JSON object");
  }
  ASSIGN_OR_RETURN(const Json* const tokens, FieldOf(instance, "tokens"));
  ASSIGN_OR_RETURN(std::string text, TextIn(*tokens, "tokens", options.max_words));
  if (text.empty() || !source.name_entities()) {
    return text;
  }
  ASSIGN_OR_RETURN(const std::string head, EntityIn(instance, "h"));
  ASSIGN_OR_RETURN(const std::string tail, EntityIn(instance, "t"));
  return CollapseBlanks(absl::StrCat(head, " ; ", tail, " : ", text), options.max_words);
}

absl::Status LoadFile(const std::string& path, const FewRelSource& source, const ImportOptions& options,
                      Imported* imported) {
  ASSIGN_OR_RETURN(const Json relations, ObjectIn(path));
  for (const auto& [relation, instances] : relations.items()) {
    std::string label = CollapseBlanks(relation);
    if (label.empty() || !instances.is_array()) {
      return absl::InvalidArgumentError(
          absl::StrCat(path, ": ", Quoted(relation), " is not the name of a relation with a list of sentences"));
    }
    for (size_t i = 0; i < instances.size(); ++i) {
      absl::StatusOr<std::string> text = TextOf(instances[i], source, options);
      if (!text.ok()) {
        return absl::InvalidArgumentError(
            absl::StrCat(path, ": sentence ", i + 1, " of ", label, ": ", text.status().message()));
      }
      imported->Add(label, *std::move(text));
    }
  }
  return absl::OkStatus();
}

// Reads a file that maps relation -> [name, description], or relation -> name.
absl::Status LoadNames(const std::string& path, Imported* imported) {
  ASSIGN_OR_RETURN(const Json names, ObjectIn(path));
  for (const auto& [relation, value] : names.items()) {
    const Json& name = value.is_array() && !value.empty() ? value.front() : value;
    std::string text = name.is_string() ? CollapseBlanks(name.get_ref<const std::string&>()) : "";
    if (text.empty()) {
      return absl::InvalidArgumentError(
          absl::StrCat(path, ": ", Quoted(relation), " has neither a name nor a list that begins with one"));
    }
    imported->names[relation] = std::move(text);
  }
  return absl::OkStatus();
}

absl::StatusOr<Imported> LoadFewRel(const FewRelSource& source, const ImportOptions& options) {
  Imported imported;
  for (const std::string& path : source.path()) {
    RETURN_IF_ERROR(LoadFile(path, source, options, &imported));
  }
  if (!source.names().empty()) {
    RETURN_IF_ERROR(LoadNames(source.names(), &imported));
  }
  RETURN_IF_ERROR(imported.Finish(BadLines(), options, absl::StrJoin(source.path(), ", ")));
  return imported;
}

}  // namespace

SourceInfo FewRelSourceInfo() {
  SourceInfo info = SourceReadBy(LoadFewRel);
  info.distributions = kDistributions;
  info.name_of_label = RuleName;
  return info;
}

}  // namespace metaprompt
