// Text classification data as Bao et al. (2020) prepared them: one JSON object per line, with numbered classes.
#ifndef DATASETS_SOURCES_PREPARED_H_
#define DATASETS_SOURCES_PREPARED_H_

#include <nlohmann/json.hpp>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "datasets/readers/texts_by_label.h"
#include "datasets/splits/published_splits.h"

namespace metaprompt {

// Adds the text of one object to `imported`. The text is the field `raw` or, if there is none, `text` (tokens); the
// field `label` is an index into `classes`, or the label or name of one of them. An error gives the reason why the line
// is damaged.
absl::Status TakePrepared(const nlohmann::json& object, absl::Span<const PublicClass> classes,
                          const ImportOptions& options, Imported* imported);

// Reads a file of such lines.
absl::StatusOr<Imported> LoadPrepared(const std::string& path, absl::Span<const PublicClass> classes,
                                      const ImportOptions& options);

// Whether `path` is that of such a file, and not of the raw data: it ends with .json or .jsonl, before the ending of a
// compressed file.
bool IsPrepared(absl::string_view path);

}  // namespace metaprompt

#endif  // DATASETS_SOURCES_PREPARED_H_
