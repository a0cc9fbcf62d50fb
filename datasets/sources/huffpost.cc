#include "datasets/sources/huffpost.h"

#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "datasets/dataset.pb.h"
#include "datasets/readers/bad_lines.h"
#include "datasets/readers/file_lines.h"
#include "datasets/readers/json_fields.h"
#include "datasets/readers/texts_by_label.h"
#include "datasets/sources/distribution.h"
#include "datasets/sources/prepared.h"
#include "datasets/splits/published_splits.h"
#include "metaprompt/base/status_macros.h"

namespace metaprompt {
namespace {

constexpr Distribution kDistributions[] = {
    {"News Category Dataset v2", 41, 200853},
    {"News Category Dataset v3", 42, 209527},
    {"HuffPost as prepared by Bao et al. 2020", 41, 36900},
};

// Labels as in the News Category Dataset.
constexpr PublicClass kClasses[] = {
    {"POLITICS", nullptr, Split::kTrain, nullptr},
    {"WELLNESS", nullptr, Split::kTrain, nullptr},
    {"ENTERTAINMENT", nullptr, Split::kTrain, nullptr},
    {"TRAVEL", nullptr, Split::kTrain, nullptr},
    {"STYLE & BEAUTY", nullptr, Split::kTrain, nullptr},
    {"PARENTING", nullptr, Split::kTrain, nullptr},
    {"HEALTHY LIVING", nullptr, Split::kTrain, nullptr},
    {"QUEER VOICES", nullptr, Split::kTrain, nullptr},
    {"FOOD & DRINK", nullptr, Split::kTrain, nullptr},
    {"BUSINESS", nullptr, Split::kTrain, nullptr},
    {"COMEDY", nullptr, Split::kTrain, nullptr},
    {"SPORTS", nullptr, Split::kTrain, nullptr},
    {"BLACK VOICES", nullptr, Split::kTrain, nullptr},
    {"HOME & LIVING", nullptr, Split::kTrain, nullptr},
    {"PARENTS", nullptr, Split::kTrain, nullptr},
    {"THE WORLDPOST", nullptr, Split::kTrain, nullptr},
    {"WEDDINGS", nullptr, Split::kTrain, nullptr},
    {"WOMEN", nullptr, Split::kTrain, nullptr},
    {"IMPACT", nullptr, Split::kTrain, nullptr},
    {"DIVORCE", nullptr, Split::kTrain, nullptr},
    {"CRIME", nullptr, Split::kValid, nullptr},
    {"MEDIA", nullptr, Split::kValid, nullptr},
    {"WEIRD NEWS", nullptr, Split::kValid, nullptr},
    {"GREEN", nullptr, Split::kValid, nullptr},
    {"WORLDPOST", nullptr, Split::kValid, nullptr},
    {"RELIGION", nullptr, Split::kTest, nullptr},
    {"STYLE", nullptr, Split::kTest, nullptr},
    {"SCIENCE", nullptr, Split::kTest, nullptr},
    {"WORLD NEWS", nullptr, Split::kTest, nullptr},
    {"TASTE", nullptr, Split::kTest, nullptr},
    {"TECH", nullptr, Split::kTest, nullptr},
    {"MONEY", nullptr, Split::kTest, nullptr},
    {"ARTS", nullptr, Split::kTest, nullptr},
    {"FIFTY", nullptr, Split::kTest, nullptr},
    {"GOOD NEWS", nullptr, Split::kTest, nullptr},
    {"ARTS & CULTURE", nullptr, Split::kTest, nullptr},
    {"ENVIRONMENT", nullptr, Split::kTest, nullptr},
    {"COLLEGE", nullptr, Split::kTest, nullptr},
    {"LATINO VOICES", nullptr, Split::kTest, nullptr},
    {"CULTURE & ARTS", nullptr, Split::kTest, ""},
    {"EDUCATION", nullptr, Split::kTest, nullptr},
};

absl::Status TakeArticle(const nlohmann::json& object, const HuffPostSource& source, const ImportOptions& options,
                         Imported* imported) {
  ASSIGN_OR_RETURN(const nlohmann::json* const category, FieldOf(object, "category"));
  ASSIGN_OR_RETURN(std::string label, LabelIn(*category, "category"));
  std::string text;
  for (const char* field : {"headline", "short_description"}) {
    ASSIGN_OR_RETURN(const nlohmann::json* const value, FieldOf(object, field));
    ASSIGN_OR_RETURN(const std::string part, TextIn(*value, field, options.max_words));
    absl::StrAppend(&text, part, " ");
    if (source.text() == HuffPostSource::HEADLINE) {
      break;
    }
  }
  imported->Add(std::move(label), CollapseBlanks(text, options.max_words));
  return absl::OkStatus();
}

absl::Status TakeLine(absl::string_view line, const HuffPostSource& source, const ImportOptions& options,
                      Imported* imported) {
  ASSIGN_OR_RETURN(const nlohmann::json object, ParseObject(line));
  return !object.contains("category") && object.contains("label") ? TakePrepared(object, kClasses, options, imported)
                                                                  : TakeArticle(object, source, options, imported);
}

absl::StatusOr<Imported> LoadHuffPost(const HuffPostSource& source, const ImportOptions& options) {
  Imported imported;
  BadLines bad;
  RETURN_IF_ERROR(ForEachLine(source.path(), &bad,
                              [&](absl::string_view line) { return TakeLine(line, source, options, &imported); }));
  RETURN_IF_ERROR(imported.Finish(bad, options, source.path()));
  return imported;
}

}  // namespace

SourceInfo HuffPostSourceInfo() {
  SourceInfo info = SourceReadBy(LoadHuffPost);
  info.distributions = kDistributions;
  info.classes = kClasses;
  info.splits = {kBao2020, kMetaPrompting};
  info.name_of_label = RuleName;
  return info;
}

}  // namespace metaprompt
