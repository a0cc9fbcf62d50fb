// Text classification data in the form that Bao et al. (2020) prepared: one JSON object a line, classes by number.
#ifndef DATASETS_SOURCES_PREPARED_H_
#define DATASETS_SOURCES_PREPARED_H_

#include <nlohmann/json.hpp>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "datasets/readers/texts_by_label.h"
#include "datasets/sources/public_classes.h"

namespace metaprompt {

// Takes one object: the text is `raw`, or else `text` (tokens); `label` the number of one of `classes`, or its label or
// name. The error is the line's damage.
absl::Status TakePrepared(const nlohmann::json& object, absl::Span<const PublicClass> classes,
                          const ImportOptions& options, Imported* imported);

// A file of such lines.
absl::StatusOr<Imported> LoadPrepared(const std::string& path, absl::Span<const PublicClass> classes,
                                      const ImportOptions& options);

// Whether a path names such a file and not the raw data: it ends with .json or .jsonl, compressed or not.
bool IsPrepared(absl::string_view path);

}  // namespace metaprompt

#endif  // DATASETS_SOURCES_PREPARED_H_
