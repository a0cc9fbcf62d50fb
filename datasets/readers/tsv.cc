#include "datasets/readers/tsv.h"

#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "datasets/readers/bad_lines.h"
#include "datasets/readers/file_lines.h"
#include "metaprompt/base/status_macros.h"

namespace metaprompt {

absl::StatusOr<Imported> LoadTsv(const TsvSource& source, const ImportOptions& options) {
  Imported imported;
  BadLines bad;
  const auto take = [&](absl::string_view line) -> absl::Status {
    const size_t tab = line.find('\t');
    if (tab == absl::string_view::npos) {
      return absl::InvalidArgumentError("no tab between label and text");
    }
    if (line.find('\t', tab + 1) != absl::string_view::npos) {
      return absl::InvalidArgumentError("more than one tab; a line is one label, one tab and one text");
    }
    std::string label = CollapseBlanks(line.substr(0, tab));
    std::string text = CollapseBlanks(line.substr(tab + 1), options.max_words);
    if (label.empty() || text.empty()) {
      return absl::InvalidArgumentError(label.empty() ? "empty label" : "empty text");
    }
    imported.Add(std::move(label), std::move(text));
    return absl::OkStatus();
  };
  RETURN_IF_ERROR(ForEachLine(source.path(), &bad, take));
  RETURN_IF_ERROR(imported.Finish(bad, options, source.path()));
  return imported;
}

}  // namespace metaprompt
