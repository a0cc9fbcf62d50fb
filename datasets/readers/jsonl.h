// A file of one's own: one JSON object on each line.
#ifndef DATASETS_READERS_JSONL_H_
#define DATASETS_READERS_JSONL_H_

#include "absl/status/statusor.h"
#include "datasets/dataset.pb.h"
#include "datasets/readers/texts_by_label.h"

namespace metaprompt {

// The text is a string, or an array of strings that blanks join (tokens); the label a string or an integer. Other
// fields are ignored and empty lines skipped; any other line is damaged.
absl::StatusOr<Imported> LoadJsonl(const JsonlSource& source, const ImportOptions& options);

}  // namespace metaprompt

#endif  // DATASETS_READERS_JSONL_H_
