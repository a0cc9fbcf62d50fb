#include "datasets/sources/fewrel.h"

#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "datasets/readers/json_fields.h"
#include "datasets/readers/packed_file.h"
#include "metaprompt/base/text.h"

namespace metaprompt {
namespace {

using Json = nlohmann::json;

constexpr int64_t kLargestFile = int64_t{512} << 20U;

absl::StatusOr<Json> ObjectIn(const std::string& path) {
  const absl::StatusOr<std::string> file = ReadPackedFile(path, kLargestFile);
  if (!file.ok()) {
    return file.status();
  }
  absl::StatusOr<Json> object = ParseObject(*file);
  return object.ok() ? std::move(object)
                     : absl::InvalidArgumentError(absl::StrCat(path, ": ", object.status().message()));
}

// The name of the entity in field h or t.
absl::StatusOr<std::string> EntityIn(const Json& instance, const std::string& field) {
  const auto value = FieldOf(instance, field);
  if (!value.ok()) {
    return value.status();
  }
  if (!(*value)->is_array() || (*value)->empty() || !(*value)->front().is_string()) {
    return absl::InvalidArgumentError(absl::StrCat("field '", field, "' is not a list that begins with a name"));
  }
  return (*value)->front().get<std::string>();
}

absl::StatusOr<std::string> TextOf(const Json& instance, const FewRelSource& source, const ImportOptions& options) {
  if (!instance.is_object()) {
    return absl::InvalidArgumentError("not a JSON object");
  }
  const auto tokens = FieldOf(instance, "tokens");
  if (!tokens.ok()) {
    return tokens.status();
  }
  absl::StatusOr<std::string> text = TextIn(**tokens, "tokens", options.max_words);
  if (!text.ok() || text->empty() || !source.name_entities()) {
    return text;
  }
  const absl::StatusOr<std::string> head = EntityIn(instance, "h");
  if (!head.ok()) {
    return head.status();
  }
  const absl::StatusOr<std::string> tail = EntityIn(instance, "t");
  if (!tail.ok()) {
    return tail.status();
  }
  return CollapseBlanks(absl::StrCat(*head, " ; ", *tail, " : ", *text), options.max_words);
}

absl::Status LoadFile(const std::string& path, const FewRelSource& source, const ImportOptions& options,
                      Imported* imported) {
  const absl::StatusOr<Json> relations = ObjectIn(path);
  if (!relations.ok()) {
    return relations.status();
  }
  for (const auto& [relation, instances] : relations->items()) {
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

// relation -> [name, description], or -> name.
absl::Status LoadNames(const std::string& path, Imported* imported) {
  const absl::StatusOr<Json> names = ObjectIn(path);
  if (!names.ok()) {
    return names.status();
  }
  for (const auto& [relation, value] : names->items()) {
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

}  // namespace

absl::StatusOr<Imported> LoadFewRel(const FewRelSource& source, const ImportOptions& options) {
  Imported imported;
  for (const std::string& path : source.path()) {
    if (absl::Status status = LoadFile(path, source, options, &imported); !status.ok()) {
      return status;
    }
  }
  if (!source.names().empty()) {
    if (absl::Status status = LoadNames(source.names(), &imported); !status.ok()) {
      return status;
    }
  }
  if (absl::Status status = imported.Finish(BadLines(), options, absl::StrJoin(source.path(), ", ")); !status.ok()) {
    return status;
  }
  return imported;
}

}  // namespace metaprompt
