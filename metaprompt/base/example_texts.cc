#include "metaprompt/base/example_texts.h"

#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"

namespace metaprompt {

std::string JoinTexts(absl::Span<const std::string> texts) { return absl::StrJoin(texts, "\t"); }

std::vector<absl::string_view> SplitTexts(absl::string_view example) { return absl::StrSplit(example, '\t'); }

std::string ReadableExample(absl::string_view example) { return absl::StrJoin(SplitTexts(example), " | "); }

}  // namespace metaprompt
