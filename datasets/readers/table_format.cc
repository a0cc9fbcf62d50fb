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
#include "datasets/readers/csv_fields.h"
#include "datasets/readers/json_fields.h"
#include "datasets/readers/known_columns.h"
#include "metaprompt/base/likely_cause.h"
#include "metaprompt/base/status_macros.h"
#include "metaprompt/base/text.h"

namespace metaprompt {
namespace {

using Record = std::vector<std::string>;

constexpr std::array<char, 4> kDelimiters = {'\t', ',', ';', '|'};
// A comma in prose is followed by a blank, a comma between column names is not.
bool LooksLikeProse(const Record& fields) {
  return std::any_of(fields.begin(), fields.end(),
                     [](const std::string& field) { return absl::StartsWith(field, " "); });
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

// Sets the headers of `texts`.
TableFormat Separated(char delimiter, const Record& first, bool header, size_t label, std::vector<ColumnOfText> texts) {
  TableFormat format;
  format.kind = TableFormat::kSeparated;
  format.delimiter = delimiter;
  format.header = header;
  format.columns = first.size();
  format.label = label;
  format.texts = std::move(texts);
  for (ColumnOfText& text : format.texts) {
    text.header = header ? first[text.place] : "";
  }
  if (header) {
    format.names = first;
    format.label_name = label == TableFormat::kNone ? "" : first[label];
    const auto name = std::find_if(first.begin(), first.end(), [](const std::string& one) {
      return absl::AsciiStrToLower(absl::StripAsciiWhitespace(one)) == "name";
    });
    const auto place = static_cast<size_t>(name - first.begin());
    const bool used = place == label || std::any_of(format.texts.begin(), format.texts.end(),
                                                    [&](const ColumnOfText& text) { return text.place == place; });
    format.name = name == first.end() || used ? TableFormat::kNone : place;
  }
  return format;
}

// OK if each of the format's column names is the name of only one column.
absl::Status CheckNamedOnce(const TableFormat& format, const Record& first) {
  std::vector<std::string> used = {format.label_name};
  for (const ColumnOfText& text : format.texts) {
    used.push_back(text.header);
  }
  for (const std::string& name : used) {
    if (format.header && !name.empty() && std::count(first.begin(), first.end(), name) > 1) {
      return absl::InvalidArgumentError(
          absl::StrCat("two columns are called ", Quoted(name), "; rename one of them in the first line"));
    }
  }
  return absl::OkStatus();
}

// Finds the format by a header, or by the columns that the user gives.
absl::StatusOr<std::optional<TableFormat>> ByName(absl::string_view first_line, const ColumnNames& names,
                                                  bool labelled) {
  for (const auto& [delimiter, first] : FirstRecords(first_line)) {
    if (!labelled && names.text.empty() && LooksLikeProse(first)) {
      continue;
    }
    if (std::optional<FoundColumns> found = FindColumns(first, names, labelled, /*json=*/false); found.has_value()) {
      // A column given by number does not show that there is a header; a column found by its name does.
      const bool header = found->names || HasTextName(first);
      TableFormat format = Separated(delimiter, first, header, found->label, std::move(found->texts));
      RETURN_IF_ERROR(CheckNamedOnce(format, first));
      return std::make_optional(std::move(format));
    }
  }
  return std::optional<TableFormat>();
}

// Fields for an error message, at most 400 bytes of them. Control characters are escaped.
std::string ShownFields(const Record& fields) {
  constexpr size_t kMost = 400;
  std::string shown;
  for (const std::string& field : fields) {
    absl::StrAppend(&shown, shown.empty() ? "" : ", ", IsPrintable(field) ? field : Quoted(field));
    if (shown.size() > kMost) {
      return absl::StrCat(shown.substr(0, kMost), "...");
    }
  }
  return shown.empty() ? "none" : shown;
}

// ", but not 'label'": the columns that the user names and that this record lacks, if there are any.
std::string Lacking(const ColumnNames& names, const Record& first) {
  std::vector<std::string> lacking;
  for (const std::string* const name : {&names.label, &names.text, &names.text_b}) {
    uint64_t number = 0;
    const bool is_number = absl::SimpleAtoi(*name, &number) && number >= 1 && number <= first.size();
    if (!name->empty() && !is_number && std::find(first.begin(), first.end(), *name) == first.end()) {
      lacking.push_back(Quoted(*name));
    }
  }
  return lacking.empty() ? "" : absl::StrCat(", but not ", absl::StrJoin(lacking, ", "));
}

// "--text-column and --text-b-column", for the texts of an example.
std::string ColumnOptions(const std::vector<std::string>& texts) {
  const bool pair = std::find(texts.begin(), texts.end(), "text_b") != texts.end();
  return pair ? "--text-column and --text-b-column" : "--text-column";
}

// The fields of a JSON object; nothing if the line is not an object.
std::optional<Record> KeysOf(absl::string_view line) {
  const absl::StatusOr<nlohmann::json> object =
      absl::StartsWith(line, "{") ? ParseObject(line) : absl::InvalidArgumentError("");
  if (!object.ok()) {
    return std::nullopt;
  }
  Record keys;
  for (const auto& [key, value] : object->items()) {
    keys.push_back(key);
  }
  return keys;
}

// Nothing if the line does not begin like a JSON object. A line with a tab may be a label that is followed by a text.
absl::StatusOr<std::optional<TableFormat>> ByJson(absl::string_view line, const ColumnNames& names, bool labelled) {
  if (!absl::StartsWith(line, "{") || absl::StrContains(line, '\t')) {
    return std::optional<TableFormat>();
  }
  if (const absl::Status parsed = ParseObject(line).status(); !parsed.ok()) {
    return absl::InvalidArgumentError(
        absl::StrCat("the first line begins with { and is read as JSON: ", parsed.message(),
                     "; give one JSON object per line, or put texts that begin with { into CSV"));
  }
  const std::optional<Record> keys = KeysOf(line);
  std::optional<FoundColumns> found = FindColumns(*keys, names, labelled, /*json=*/true);
  if (!found.has_value()) {
    return absl::InvalidArgumentError(absl::StrCat(
        "cannot find the fields of ", labelled ? "the label and of " : "", absl::StrJoin(NamesWithoutLook(names), ", "),
        "; the first object has: ", ShownFields(*keys), "; give their names with ",
        labelled ? "--label-column and " : "", ColumnOptions(NamesWithoutLook(names))));
  }
  TableFormat format;
  format.kind = TableFormat::kJson;
  format.texts = std::move(found->texts);
  if (labelled) {
    format.label_name = names.label.empty() ? (*keys)[found->label] : names.label;
  }
  return std::make_optional(std::move(format));
}

// CheckNotPair for each way to read the line.
absl::Status CheckNotPairs(absl::string_view line, const ColumnNames& names) {
  std::vector<std::pair<char, Record>> records = FirstRecords(line);
  if (const std::optional<Record> keys = KeysOf(line); keys.has_value()) {
    records.emplace_back('\0', *keys);
  }
  for (const auto& [delimiter, first] : records) {
    if (!LooksLikeProse(first)) {
      RETURN_IF_ERROR(CheckNotPair(first, names));
    }
  }
  return absl::OkStatus();
}

// Finds the format by the fields of a JSON object or by the names of columns, if the first line has them.
absl::StatusOr<std::optional<TableFormat>> ByFieldsOrNames(absl::string_view line, const ColumnNames& names,
                                                           bool labelled) {
  RETURN_IF_ERROR(CheckNotPairs(line, names));
  ASSIGN_OR_RETURN(std::optional<TableFormat> json, ByJson(line, names, labelled));
  return json.has_value() ? absl::StatusOr<std::optional<TableFormat>>(std::move(json)) : ByName(line, names, labelled);
}

// The field of the line, or the whole line, that is this name, or else that is this name but for upper and lower case.
// Nothing if there is none.
std::optional<std::string> FieldCalled(absl::string_view line, const std::string& name) {
  std::vector<std::pair<char, Record>> records = FirstRecords(line);
  records.emplace_back('\0', KeysOf(line).value_or(Record{std::string(line)}));
  std::optional<std::string> found;
  for (const auto& [delimiter, record] : records) {
    if (LooksLikeProse(record)) {
      continue;
    }
    for (const std::string& field : record) {
      if (field == name) {
        return field;
      }
      if (!found.has_value() && absl::EqualsIgnoreCase(field, name)) {
        found = field;
      }
    }
  }
  return found;
}

// Whether the line has several fields of one word each, as a header has.
bool LooksLikeNames(absl::string_view line) {
  const std::vector<std::pair<char, Record>> records = FirstRecords(line);
  return std::any_of(records.begin(), records.end(), [](const std::pair<char, Record>& one) {
    return std::none_of(one.second.begin(), one.second.end(),
                        [](const std::string& field) { return field.empty() || absl::StrContains(field, ' '); });
  });
}

// Whether all lines have the same number of fields, and no field begins with a blank, as after a comma in prose.
bool LookLikeColumns(absl::Span<const std::string> lines) {
  return std::any_of(kDelimiters.begin(), kDelimiters.end(), [&](char delimiter) {
    const std::vector<Record> records = EqualRecords(lines, delimiter);
    return records.size() > 3 && std::none_of(records.begin(), records.end(), LooksLikeProse);
  });
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

// Finds the format by contents: the text column has the longest fields, and the label column has the fewest different
// fields.
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
  // In a header, the field in the label column is not the label of any text. The field in the text column is only a
  // word or two, or else all other labels occur more than once.
  std::map<std::string, int> labels;
  for (const Record& record : best) {
    ++labels[record[label]];
  }
  const bool alone = labels[best[0][label]] == 1;
  const auto once = std::count_if(labels.begin(), labels.end(), [](const auto& one) { return one.second == 1; });
  const auto blanks = std::count(best[0][text].begin(), best[0][text].end(), ' ');
  TableFormat format =
      Separated(delimiter, best[0], alone && (blanks < 2 || once == 1), label, {ColumnOfText{"text", text}});
  format.guessed = true;
  return format;
}

}  // namespace

std::string TableFormat::Describe() const {
  const auto column = [&](absl::string_view what, const std::string& called, size_t place) {
    return absl::StrCat(", ", what, kind == kJson ? " field " : " column ",
                        called.empty() ? absl::StrCat(place + 1) : Quoted(called));
  };
  std::string its_texts;
  for (const ColumnOfText& text : texts) {
    absl::StrAppend(&its_texts, column(text.name, text.header, text.place));
  }
  switch (kind) {
    case kLines:
      return "one text per line";
    case kLabelTabText:
      return "lines of label, tab, text";
    case kTabbedTexts:
      return absl::StrCat("lines of ", absl::StrJoin(NamesOfTexts(), ", tab, "));
    case kJson:
      return absl::StrCat("JSON lines", label_name.empty() ? "" : column("label", label_name, 0), its_texts);
    case kSeparated:
      break;
  }
  const std::string what = delimiter == ','    ? "CSV"
                           : delimiter == '\t' ? "TSV"
                                               : absl::StrCat("CSV with ", std::string(1, delimiter));
  return absl::StrCat(what, header ? "" : " without a header", label == kNone ? "" : column("label", label_name, label),
                      its_texts);
}

std::vector<std::string> TableFormat::NamesOfTexts() const {
  std::vector<std::string> names;
  for (const ColumnOfText& text : texts) {
    names.push_back(text.name);
  }
  return names;
}

absl::StatusOr<TableFormat> LabelledFormat(absl::Span<const std::string> lines, const ColumnNames& names) {
  const auto first = std::find_if(lines.begin(), lines.end(), [](const std::string& line) { return !line.empty(); });
  if (first == lines.end()) {
    return absl::InvalidArgumentError("no text in this file");
  }
  ASSIGN_OR_RETURN(std::optional<TableFormat> found, ByFieldsOrNames(*first, names, /*labelled=*/true));
  if (found.has_value()) {
    return *std::move(found);
  }
  const std::vector<std::pair<char, Record>> records = FirstRecords(*first);
  const std::vector<std::string> texts = NamesWithoutLook(names);
  // Without a header, a text can be distinguished from its label, but several texts cannot be distinguished from each
  // other.
  const bool guess_it = names.label.empty() && names.text.empty() && texts == std::vector<std::string>{"text"};
  if (guess_it && absl::StrContains(*first, '\t')) {
    const size_t columns = std::count(first->begin(), first->end(), '\t') + 1;
    std::optional<TableFormat> guess = columns > 3 ? ByContents(lines) : std::nullopt;
    TableFormat format;
    format.kind = TableFormat::kLabelTabText;
    return guess.value_or(format);
  }
  if (guess_it) {
    if (const std::optional<TableFormat> guess = ByContents(lines); guess.has_value()) {
      return *guess;
    }
  }
  std::string there = "; its first line is not divided by commas, semicolons, tabs or |";
  if (!records.empty()) {
    const auto most = std::max_element(records.begin(), records.end(),
                                       [](const auto& a, const auto& b) { return a.second.size() < b.second.size(); });
    there = absl::StrCat("; its first line has ", ShownFields(most->second), Lacking(names, most->second));
  }
  const bool one = texts == std::vector<std::string>{"text"};
  return absl::InvalidArgumentError(absl::StrCat(
      "cannot find a column of labels and one of ",
      one ? "texts" : absl::StrCat("each text (", absl::StrJoin(texts, ", "), ")"),
      "; give their names or numbers with --label-column", one ? " and " : ", ", ColumnOptions(texts), there));
}

absl::StatusOr<TableFormat> TextFormat(absl::Span<const std::string> lines, const ColumnNames& given) {
  const auto filled = std::find_if(lines.begin(), lines.end(), [](const std::string& line) { return !line.empty(); });
  const std::string& first_line = filled == lines.end() ? lines[0] : *filled;
  ColumnNames names = given;
  for (std::string* const name : {&names.text, &names.text_b}) {
    if (given.of_examples && !name->empty()) {
      *name = FieldCalled(first_line, *name).value_or("");
    }
  }
  const std::vector<std::string> texts = NamesWithoutLook(given);
  names.wanted = texts;
  if (const std::string cause = LikelyCause(first_line); !cause.empty()) {
    return absl::InvalidArgumentError(cause);
  }
  ASSIGN_OR_RETURN(std::optional<TableFormat> found, ByFieldsOrNames(first_line, names, /*labelled=*/false));
  if (found.has_value()) {
    return *std::move(found);
  }
  TableFormat format;
  if (texts.size() > 1) {
    if (static_cast<size_t>(std::count(first_line.begin(), first_line.end(), '\t')) + 1 != texts.size()) {
      return absl::InvalidArgumentError(
          absl::StrCat("each example has ", texts.size(), " texts (", absl::StrJoin(texts, ", "),
                       "): give CSV, TSV or JSON lines with a column for each, named so or with ", ColumnOptions(texts),
                       ", or lines of the texts with tabs between them"));
    }
    format.kind = TableFormat::kTabbedTexts;
    format.texts.clear();
    for (const std::string& text : texts) {
      format.texts.push_back(ColumnOfText{text});
    }
    return format;
  }
  // A header over a single column.
  const Record alone = {std::string(first_line)};
  if (const auto only = FindColumns(alone, names, /*labelled=*/false, /*json=*/false); only.has_value()) {
    if (only->names || HasTextName(alone)) {
      return Separated('\t', alone, /*header=*/true, TableFormat::kNone, only->texts);
    }
    return format;  // its number
  }
  if (const std::string& column = texts[0] == "text_b" ? names.text_b : names.text; !column.empty()) {
    return absl::InvalidArgumentError(absl::StrCat("no column ", Quoted(column), " in the first line"));
  }
  format.texts[0].name = texts[0];
  format.guessed = LooksLikeNames(first_line) || LookLikeColumns(lines);
  return format;
}

}  // namespace metaprompt
