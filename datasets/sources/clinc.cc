#include "datasets/sources/clinc.h"

#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "datasets/dataset.pb.h"
#include "datasets/readers/json_fields.h"
#include "datasets/readers/packed_file.h"
#include "datasets/readers/texts_by_label.h"
#include "datasets/sources/distribution.h"
#include "datasets/splits/published_splits.h"
#include "metaprompt/base/status_macros.h"

namespace metaprompt {
namespace {

using Json = nlohmann::json;

constexpr Distribution kDistributions[] = {
    {"Clinc150", 150, 22500},
    {"Clinc150, train", 150, 15000},
    {"Clinc150, validation", 150, 3000},
    {"Clinc150, test", 150, 4500},
};

constexpr int64_t kLargestFile = int64_t{256} << 20U;

absl::Status AddSide(const Json& object, const std::string& field, const ImportOptions& options, Imported* imported) {
  ASSIGN_OR_RETURN(const Json* const texts, FieldOf(object, field));
  if (!texts->is_array()) {
    return absl::InvalidArgumentError(absl::StrCat("field '", field, "' is not a list"));
  }
  for (size_t i = 0; i < texts->size(); ++i) {
    const Json& one = (*texts)[i];
    if (!one.is_array() || one.size() != 2 || !one[0].is_string() || !one[1].is_string()) {
      return absl::InvalidArgumentError(absl::StrCat("entry ", i + 1, " of '", field, "' is not [text, label]"));
    }
    std::string label = CollapseBlanks(one[1].get_ref<const std::string&>());
    if (label.empty()) {
      return absl::InvalidArgumentError(absl::StrCat("entry ", i + 1, " of '", field, "' has no label"));
    }
    imported->Add(std::move(label), CollapseBlanks(one[0].get_ref<const std::string&>(), options.max_words));
  }
  return absl::OkStatus();
}

absl::StatusOr<Imported> LoadClinc(const ClincSource& source, const ImportOptions& options) {
  ASSIGN_OR_RETURN(const std::string file, ReadPackedFile(source.path(), kLargestFile));
  const auto with_path = [&](const absl::Status& status) {
    return absl::InvalidArgumentError(absl::StrCat(source.path(), ": ", status.message()));
  };
  const absl::StatusOr<Json> object = ParseObject(file);
  if (!object.ok()) {
    return with_path(object.status());
  }
  Imported imported;
  for (const auto& [field, side] : {std::make_pair("train", PartSpec::TRAIN), std::make_pair("val", PartSpec::VALID),
                                    std::make_pair("test", PartSpec::TEST)}) {
    if (source.has_part() && source.part().side() != side) {
      continue;
    }
    if (const absl::Status status = AddSide(*object, field, options, &imported); !status.ok()) {
      return with_path(status);
    }
  }
  RETURN_IF_ERROR(imported.Finish(BadLines(), options, source.path()));
  return imported;
}

}  // namespace

SourceInfo ClincSourceInfo() {
  SourceInfo info = SourceReadBy(LoadClinc);
  info.dataset_name = "clinc150";
  info.distributions = kDistributions;
  info.name_of_label = RuleName;
  return info;
}

}  // namespace metaprompt
