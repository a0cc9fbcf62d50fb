// Guesses the format of a user's file of labelled texts that a source of another format could not read.
#ifndef DATASETS_READERS_LIKELY_FORMAT_H_
#define DATASETS_READERS_LIKELY_FORMAT_H_

#include <string>

#include "absl/strings/string_view.h"

namespace metaprompt {

// What a file that begins with these bytes looks like, and the source that reads it:
// "it looks like values separated by commas; dataset.csv reads such files". `source` is the one that was tried: tsv,
// jsonl or csv. Empty: it looks like a file for that source, or like none of them.
std::string LikelyFormat(absl::string_view beginning, absl::string_view source);

}  // namespace metaprompt

#endif  // DATASETS_READERS_LIKELY_FORMAT_H_
