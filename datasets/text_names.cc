#include "datasets/text_names.h"

#include <algorithm>
#include <iterator>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "metaprompt/base/text.h"

namespace metaprompt {
namespace {

// The columns of the output of `datasets export` and `classify`, and the mask slot of templates.
constexpr absl::string_view kTaken[] = {"mask", "label", "name", "split", "probability", "probabilities"};

template <typename Fields>
std::vector<std::string> Names(bool pair, const Fields& more) {
  std::vector<std::string> names;
  names.emplace_back("text");
  if (pair) {
    names.emplace_back("text_b");
  }
  std::copy(more.begin(), more.end(), std::back_inserter(names));
  return names;
}

}  // namespace

bool HasImages(const DatasetSpec& spec) {
  return spec.source_case() == DatasetSpec::kGlyphs || spec.source_case() == DatasetSpec::kCifar ||
         spec.source_case() == DatasetSpec::kImageFolder;
}

std::vector<std::string> TextNames(const DatasetSpec& spec) {
  switch (spec.source_case()) {
    case DatasetSpec::kCsv:
      return Names(!spec.csv().text_b_column().empty(), spec.csv().more_columns());
    case DatasetSpec::kJsonl:
      return Names(!spec.jsonl().text_b_field().empty(), spec.jsonl().more_fields());
    default:
      return {HasImages(spec) ? "image" : "text"};
  }
}

absl::Status CheckTextNames(const DatasetSpec& spec) {
  const std::vector<std::string> names = TextNames(spec);
  for (auto name = names.begin(); name != names.end(); ++name) {
    const bool twice = std::find(names.begin(), name, *name) != name;
    const bool taken = std::find(std::begin(kTaken), std::end(kTaken), *name) != std::end(kTaken);
    if (twice || taken || name->empty() || name->find_first_of("{}\t\n") != std::string::npos) {
      return absl::InvalidArgumentError(
          absl::StrCat("dataset.", spec.has_csv() ? "csv.more_columns" : "jsonl.more_fields", " has ", Quoted(*name),
                       twice   ? "; another text of an example has this name"
                       : taken ? "; this name has another meaning, so that the column needs another name"
                               : "; {NAME} must be possible in a template"));
    }
  }
  return absl::OkStatus();
}

}  // namespace metaprompt
