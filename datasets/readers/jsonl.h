// Files with one JSON object per line.
#ifndef DATASETS_READERS_JSONL_H_
#define DATASETS_READERS_JSONL_H_

#include "absl/status/statusor.h"
#include "datasets/dataset.pb.h"
#include "datasets/readers/texts_by_label.h"

namespace metaprompt {

// The text is a string, or an array of strings (tokens) that are joined with blanks; the label is a string or an
// integer. Other fields are ignored, and empty lines are skipped. A line without a text and a label in this form is
// damaged.
absl::StatusOr<Imported> LoadJsonl(const JsonlSource& source, const ImportOptions& options);

}  // namespace metaprompt

#endif  // DATASETS_READERS_JSONL_H_
