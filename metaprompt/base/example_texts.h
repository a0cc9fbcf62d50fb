// An example of a data set as one string: its text or, if it has several (a pair of sentences), its texts joined by
// tabs. A text has no tab, so an example of one text is that text.
#ifndef METAPROMPT_BASE_EXAMPLE_TEXTS_H_
#define METAPROMPT_BASE_EXAMPLE_TEXTS_H_

#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/types/span.h"

namespace metaprompt {

std::string JoinTexts(absl::Span<const std::string> texts);

// The texts of an example, one or more. They point into `example`.
std::vector<absl::string_view> SplitTexts(absl::string_view example);

// The example for people to read, with " | " between its texts.
std::string ReadableExample(absl::string_view example);

}  // namespace metaprompt

#endif  // METAPROMPT_BASE_EXAMPLE_TEXTS_H_
