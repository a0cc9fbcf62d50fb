#include "datasets/readers/table_format.h"

#include <algorithm>
#include <array>
#include <iterator>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "datasets/readers/csv_fields.h"
#include "datasets/readers/json_fields.h"
#include "metaprompt/base/status_macros.h"
#include "metaprompt/base/text.h"

namespace metaprompt {
namespace {

using Record = std::vector<std::string>;

constexpr std::array<char, 4> kDelimiters = {'\t', ',', ';', '|'};
constexpr const char* kLabelNames[] = {"label",  "class",  "category", "intent", "topic",
                                       "target", "labels", "tag",      "queue",  "type"};
constexpr const char* kTextNames[] = {"text",    "sentence", "utterance",   "message",  "query", "question", "body",
                                      "content", "headline", "description", "document", "title", "subject"};

// A comma between words has a blank behind it, one between the names of columns has none.
bool LooksLikeProse(const Record& fields) {
  return std::any_of(fields.begin(), fields.end(),
                     [](const std::string& field) { return absl::StartsWith(field, " "); });
}

// The place of the column that is called by the first of `known` that there is, whatever its case.
template <size_t kCount>
size_t KnownColumn(const Record& header, const char* const (&known)[kCount]) {
  for (const char* const name : known) {
    const auto found = std::find_if(header.begin(), header.end(), [&](const std::string& one) {
      return absl::AsciiStrToLower(absl::StripAsciiWhitespace(one)) == name;
    });
    if (found != header.end()) {
      return static_cast<size_t>(found - header.begin());
    }
  }
  return TableFormat::kNone;
}

// The place of the column that the user names.
size_t NamedColumn(const Record& first, const std::string& name, bool* is_number) {
  const auto found = std::find(first.begin(), first.end(), name);
  if (found != first.end()) {
    return static_cast<size_t>(found - first.begin());
  }
  uint64_t number = 0;
  if (absl::SimpleAtoi(name, &number) && number >= 1 && number <= first.size()) {
    *is_number = true;
    return static_cast<size_t>(number - 1);
  }
  return TableFormat::kNone;
}

// The first record with each delimiter that splits it.
std::vector<std::pair<char, Record>> FirstRecords(absl::string_view line) {
  std::vector<std::pair<char, Record>> records;
  for (const char delimiter : kDelimiters) {
    absl::StatusOr<Record> fields = SplitRecord(line, delimiter);
    if (fields.ok() && fields->size() > 1) {
      records.emplace_back(delimiter, *std::move(fields));
    }
  }
  return records;
}

TableFormat Separated(char delimiter, const Record& first, bool header, size_t label, size_t text) {
  TableFormat format;
  format.kind = TableFormat::kSeparated;
  format.delimiter = delimiter;
  format.header = header;
  format.columns = first.size();
  format.label = label;
  format.text = text;
  if (header) {
    format.label_name = label == TableFormat::kNone ? "" : first[label];
    format.text_name = first[text];
    const auto name = std::find(first.begin(), first.end(), "name");
    const auto place = static_cast<size_t>(name - first.begin());
    format.name = name == first.end() || place == label || place == text ? TableFormat::kNone : place;
  }
  return format;
}

// By a header, or by the columns that the user names.
std::optional<TableFormat> ByName(absl::string_view first_line, const ColumnNames& names, bool labelled) {
  for (const auto& [delimiter, first] : FirstRecords(first_line)) {
    if (!labelled && names.text.empty() && LooksLikeProse(first)) {
      continue;
    }
    bool numbers = false;
    const size_t text = names.text.empty() ? KnownColumn(first, kTextNames) : NamedColumn(first, names.text, &numbers);
    size_t label = TableFormat::kNone;
    if (labelled) {
      label = names.label.empty() ? KnownColumn(first, kLabelNames) : NamedColumn(first, names.label, &numbers);
    }
    if (text != TableFormat::kNone && (!labelled || (label != TableFormat::kNone && label != text))) {
      // A column given by number tells nothing about a header; one found by its name does.
      const bool header = !numbers || KnownColumn(first, kTextNames) != TableFormat::kNone;
      return Separated(delimiter, first, header, label, text);
    }
  }
  return std::nullopt;
}

std::optional<TableFormat> ByJson(absl::string_view line, const ColumnNames& names, bool labelled) {
  const absl::StatusOr<nlohmann::json> object =
      absl::StartsWith(line, "{") ? ParseObject(line) : absl::InvalidArgumentError("");
  if (!object.ok()) {
    return std::nullopt;
  }
  Record keys;
  for (const auto& [key, value] : object->items()) {
    keys.push_back(key);
  }
  const auto name_of = [&](const std::string& given, size_t place) {
    return !given.empty() ? given : place == TableFormat::kNone ? "" : keys[place];
  };
  TableFormat format;
  format.kind = TableFormat::kJson;
  format.text_name = name_of(names.text, KnownColumn(keys, kTextNames));
  format.label_name = labelled ? name_of(names.label, KnownColumn(keys, kLabelNames)) : "";
  const bool found = !format.text_name.empty() && (!labelled || !format.label_name.empty());
  return found ? std::optional<TableFormat>(format) : std::nullopt;
}

// The records of the lines, if they have two fields or more and all have equally many. Records over several lines are
// put together; one that the sample cuts off is left out.
std::vector<Record> EqualRecords(absl::Span<const std::string> lines, char delimiter) {
  std::vector<Record> records;
  std::string record;
  for (const std::string& line : lines) {
    absl::StrAppend(&record, record.empty() ? "" : "\n", line);
    if (std::count(record.begin(), record.end(), '"') % 2 != 0 || record.empty()) {
      continue;
    }
    absl::StatusOr<Record> fields = SplitRecord(record, delimiter);
    record.clear();
    if (!fields.ok() || fields->size() < 2 || (!records.empty() && records[0].size() != fields->size())) {
      return {};
    }
    records.push_back(*std::move(fields));
  }
  return records;
}

struct ColumnFacts {
  size_t distinct = 0;
  double mean_length = 0;
};

ColumnFacts FactsOfColumn(const std::vector<Record>& records, size_t column) {
  std::map<std::string, int> values;
  ColumnFacts facts;
  for (size_t r = 1; r < records.size(); ++r) {
    ++values[records[r][column]];
    facts.mean_length += static_cast<double>(records[r][column].size()) / static_cast<double>(records.size() - 1);
  }
  facts.distinct = values.size();
  return facts;
}

// By contents: the text column has the longest fields, the label column the fewest different ones.
std::optional<TableFormat> ByContents(absl::Span<const std::string> lines) {
  std::vector<Record> best;
  char delimiter = ',';
  for (const char one : kDelimiters) {
    std::vector<Record> records = EqualRecords(lines, one);
    if (records.size() > 3 && (best.empty() || records[0].size() > best[0].size())) {
      best = std::move(records);
      delimiter = one;
    }
  }
  if (best.empty()) {
    return std::nullopt;
  }
  size_t text = 0;
  size_t label = TableFormat::kNone;
  std::vector<ColumnFacts> facts;
  for (size_t c = 0; c < best[0].size(); ++c) {
    facts.push_back(FactsOfColumn(best, c));
    text = facts[c].mean_length > facts[text].mean_length ? c : text;
  }
  for (size_t c = 0; c < facts.size(); ++c) {
    const bool recurs = facts[c].distinct > 1 && facts[c].distinct < best.size() - 1;
    if (c != text && recurs && (label == TableFormat::kNone || facts[c].distinct < facts[label].distinct)) {
      label = c;
    }
  }
  if (label == TableFormat::kNone) {
    return std::nullopt;
  }
  // A header's label is nobody's label, and its text is a word or two.
  const bool recurs =
      std::any_of(best.begin() + 1, best.end(), [&](const Record& r) { return r[label] == best[0][label]; });
  const auto blanks = std::count(best[0][text].begin(), best[0][text].end(), ' ');
  TableFormat format = Separated(delimiter, best[0], !recurs && blanks < 2, label, text);
  format.guessed = true;
  return format;
}

}  // namespace

std::string TableFormat::Describe() const {
  const auto column = [&](const char* what, const std::string& called, size_t place) {
    return absl::StrCat(", ", what, called.empty() ? absl::StrCat(place + 1) : Quoted(called));
  };
  switch (kind) {
    case kLines:
      return "one text per line";
    case kLabelTabText:
      return "lines of label, tab, text";
    case kJson:
      return absl::StrCat("JSON lines", label_name.empty() ? "" : column("label field ", label_name, 0),
                          column("text field ", text_name, 0));
    case kSeparated:
      break;
  }
  const std::string what = delimiter == ','    ? "CSV"
                           : delimiter == '\t' ? "TSV"
                                               : absl::StrCat("CSV with ", std::string(1, delimiter));
  return absl::StrCat(what, header ? "" : " without a header",
                      label == kNone ? "" : column("label column ", label_name, label),
                      column("text column ", text_name, text));
}

absl::StatusOr<TableFormat> LabelledFormat(absl::Span<const std::string> lines, const ColumnNames& names) {
  const auto first = std::find_if(lines.begin(), lines.end(), [](const std::string& line) { return !line.empty(); });
  if (first == lines.end()) {
    return absl::InvalidArgumentError("no text in this file");
  }
  const bool named = !names.label.empty() || !names.text.empty();
  for (const auto& format : {ByJson(*first, names, /*labelled=*/true), ByName(*first, names, /*labelled=*/true)}) {
    if (format.has_value()) {
      return *format;
    }
  }
  const std::vector<std::pair<char, Record>> records = FirstRecords(*first);
  if (!named && absl::StrContains(*first, '\t')) {
    const size_t columns = std::count(first->begin(), first->end(), '\t') + 1;
    std::optional<TableFormat> guess = columns > 3 ? ByContents(lines) : std::nullopt;
    TableFormat format;
    format.kind = TableFormat::kLabelTabText;
    return guess.value_or(format);
  }
  if (!named) {
    if (const std::optional<TableFormat> guess = ByContents(lines); guess.has_value()) {
      return *guess;
    }
  }
  std::string there;
  if (!records.empty()) {
    const auto most = std::max_element(records.begin(), records.end(),
                                       [](const auto& a, const auto& b) { return a.second.size() < b.second.size(); });
    there = absl::StrCat("; its first line has ", absl::StrJoin(most->second, ", "));
  }
  return absl::InvalidArgumentError(
      absl::StrCat("cannot find a column of labels and one of texts; give their names or numbers with --label-column "
                   "and --text-column",
                   there));
}

absl::StatusOr<TableFormat> TextFormat(absl::string_view first_line, const ColumnNames& given) {
  ColumnNames names = given;
  uint64_t number = 0;
  if (given.of_examples && (absl::SimpleAtoi(given.text, &number) || !absl::StrContains(first_line, given.text))) {
    names.text.clear();
  }
  for (const auto& format :
       {ByJson(first_line, names, /*labelled=*/false), ByName(first_line, names, /*labelled=*/false)}) {
    if (format.has_value()) {
      return *format;
    }
  }
  if (!names.text.empty() && first_line != names.text) {
    return absl::InvalidArgumentError(absl::StrCat("no column ", Quoted(names.text), " in the first line"));
  }
  TableFormat format;
  if (!names.text.empty()) {  // a header over a single column
    format = Separated('\t', {names.text}, /*header=*/true, TableFormat::kNone, 0);
  }
  return format;
}

}  // namespace metaprompt
