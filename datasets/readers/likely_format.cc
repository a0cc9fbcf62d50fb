#include "datasets/readers/likely_format.h"

#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "datasets/readers/csv_fields.h"

namespace metaprompt {
namespace {

constexpr size_t kFewest = 3;  // records that must have the same number of fields

// The lines without the last one, which may be cut, unless it is the only one.
std::vector<std::string> WholeLines(absl::string_view beginning) {
  std::vector<std::string> lines = absl::StrSplit(beginning, '\n');
  if (lines.size() > 1) {
    lines.pop_back();
  }
  for (std::string& line : lines) {
    line = std::string(absl::StripSuffix(line, "\r"));
  }
  return lines;
}

}  // namespace

std::string LikelyFormat(absl::string_view beginning, absl::string_view source) {
  absl::ConsumePrefix(&beginning, "\xef\xbb\xbf");  // a byte-order mark
  const std::vector<std::string> lines = WholeLines(beginning);
  const auto reads = [&](absl::string_view what, absl::string_view by) {
    return by == source ? "" : absl::StrCat("it looks like ", what, "; dataset.", by, " reads such files");
  };
  if (absl::StartsWith(lines[0], "{\"")) {
    return reads("JSON lines", "jsonl");
  }
  if (source == "csv") {
    return "";
  }
  if (const size_t fields = absl::StrContains(lines[0], '\t') ? EqualRecords(lines, '\t').size() : 0;
      fields >= kFewest) {
    const bool two = std::vector<absl::string_view>(absl::StrSplit(lines[0], '\t')).size() == 2;
    return two ? reads("lines of label, tab, text", "tsv") : reads("values separated by tabs", "csv");
  }
  for (const auto& [delimiter, name] :
       {std::make_pair(',', "commas"), std::make_pair(';', "semicolons"), std::make_pair('|', "|")}) {
    if (!absl::StrContains(lines[0], '\t') && EqualRecords(lines, delimiter).size() >= kFewest) {
      return reads(absl::StrCat("values separated by ", name), "csv");
    }
  }
  return "";
}

}  // namespace metaprompt
