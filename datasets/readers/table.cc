#include "datasets/readers/table.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "datasets/readers/csv_fields.h"
#include "datasets/readers/json_fields.h"
#include "datasets/readers/lines.h"
#include "datasets/readers/texts_by_label.h"
#include "metaprompt/base/example_texts.h"
#include "metaprompt/base/likely_cause.h"
#include "metaprompt/base/status_macros.h"
#include "metaprompt/base/text.h"

namespace metaprompt {
namespace {

constexpr size_t kSampleLines = 200;
constexpr size_t kSampleTexts = 20;

// Finds the columns to keep. Errors give a reason, without the name of the file.
absl::Status FindKept(const std::vector<std::string>& keep, TableFormat* format) {
  for (const std::string& name : keep) {
    ColumnOfText column{name, kNoColumn, name};
    if (format->kind == TableFormat::kSeparated) {
      const auto named = std::find(format->names.begin(), format->names.end(), name);
      if (std::count(format->names.begin(), format->names.end(), name) > 1) {
        return absl::InvalidArgumentError(
            absl::StrCat("two columns are called ", Quoted(name), "; rename one of them in the first line"));
      }
      uint64_t number = 0;
      if (named != format->names.end()) {
        column.place = static_cast<size_t>(named - format->names.begin());
      } else if (absl::SimpleAtoi(name, &number) && number >= 1 && number <= format->columns) {
        column.place = number - 1;
      } else {
        const std::string names = OneLine(absl::StrJoin(format->names, ", "));
        constexpr size_t kMost = 400;
        return absl::InvalidArgumentError(
            absl::StrCat("no column ", Quoted(name), " to keep; there are ",
                         format->header && names.size() <= kMost ? names : absl::StrCat(format->columns, " columns")));
      }
    } else if (format->kind != TableFormat::kJson) {
      return absl::InvalidArgumentError(
          absl::StrCat("no column ", Quoted(name), " to keep: the texts are lines without columns"));
    }
    format->kept.push_back(std::move(column));
  }
  return absl::OkStatus();
}

}  // namespace

std::string ExampleOf(const TableRow& row) {
  const std::string example = CollapsedExample(row.texts);
  const std::vector<absl::string_view> texts = SplitTexts(example);
  return std::find(texts.begin(), texts.end(), "") == texts.end() ? example : "";
}

absl::Status Table::ErrorAt(int64_t line, absl::string_view what) const {
  return absl::InvalidArgumentError(absl::StrCat(name_, ":", line, ": ", what));
}

absl::StatusOr<bool> Table::ReadLine(std::string* line) {
  ASSIGN_OR_RETURN(const bool more, ReadStreamLine(in_, name_, /*first=*/read_number_ == 0, line));
  read_number_ += more ? 1 : 0;
  if (more && !line->empty() && line->back() == '\r') {
    line->pop_back();
  }
  return more;
}

absl::StatusOr<bool> Table::NextLine(std::string* line) {
  if (ahead_.empty()) {
    ASSIGN_OR_RETURN(const bool more, ReadLine(line));
    number_ += more ? 1 : 0;
    return more;
  }
  *line = std::move(ahead_.front());
  ahead_.pop_front();
  ++number_;
  return true;
}

absl::StatusOr<Table> Table::Open(std::istream* in, std::string name, bool labelled, const ColumnNames& columns) {
  Table table(in, std::move(name), labelled);
  std::string line;
  while (table.ahead_.size() < (labelled ? kSampleLines : kSampleTexts)) {
    ASSIGN_OR_RETURN(const bool more, table.ReadLine(&line));
    if (!more) {
      break;
    }
    if (const absl::Status status = CheckUtf8(line); !status.ok()) {
      if (table.read_number_ == 1 && !labelled) {
        const std::string cause = LikelyCause(line);
        return cause.empty() ? table.ErrorAt(1, status.message())
                             : absl::InvalidArgumentError(absl::StrCat(table.name_, ": ", cause));
      }
      table.ahead_.push_back(line);
      break;  // Next refuses it
    }
    table.ahead_.push_back(line);
    if (!labelled && in->rdbuf()->in_avail() <= 0) {
      break;  // someone may wait for the answer to this line
    }
  }
  if (!labelled && table.ahead_.empty()) {
    return table;
  }
  const std::vector<std::string> sample(table.ahead_.begin(), table.ahead_.end());
  absl::StatusOr<TableFormat> format = labelled ? LabelledFormat(sample, columns) : TextFormat(sample, columns);
  if (!format.ok()) {
    return absl::InvalidArgumentError(absl::StrCat(table.name_, ": ", format.status().message()));
  }
  table.format_ = *std::move(format);
  if (const absl::Status found = labelled ? absl::OkStatus() : FindKept(columns.keep, &table.format_); !found.ok()) {
    return absl::InvalidArgumentError(absl::StrCat(table.name_, ": ", found.message()));
  }
  table.header_is_next_ = table.format_.header;
  return table;
}

absl::StatusOr<bool> Table::NextRecord(std::string* record, int64_t* line) {
  const bool separated = format_.kind == TableFormat::kSeparated;
  const bool blanks_count = format_.kind == TableFormat::kLines || format_.kind == TableFormat::kTabbedTexts;
  RecordLines lines;
  std::string next;
  for (bool first = true;;) {
    ASSIGN_OR_RETURN(const bool more, NextLine(&next));
    if (!more || lines.TooLong()) {
      return first ? absl::StatusOr<bool>(false) : ErrorAt(*line, "a quote that is not closed");
    }
    if (const absl::Status status = CheckUtf8(next); !status.ok()) {
      return ErrorAt(number_, status.message());
    }
    if (first && next.empty() && !blanks_count) {
      continue;
    }
    *line = first ? number_ : *line;
    first = false;
    if (lines.Add(next) || !separated) {
      *record = lines.Take();
      return true;
    }
  }
}

absl::Status Table::TakeSeparated(const std::string& record, TableRow* row) const {
  absl::StatusOr<std::vector<std::string>> fields = SplitRecord(record, format_.delimiter);
  if (!fields.ok()) {
    return ErrorAt(row->line, fields.status().message());
  }
  if (fields->size() != format_.columns) {
    return ErrorAt(row->line, absl::StrCat(fields->size(), fields->size() == 1 ? " field" : " fields", " instead of ",
                                           format_.columns));
  }
  for (const ColumnOfText& column : format_.kept) {
    row->kept.push_back({(*fields)[column.place]});
  }
  for (const ColumnOfText& text : format_.texts) {
    row->texts.push_back(std::move((*fields)[text.place]));
  }
  row->label = labelled_ ? CollapseBlanks((*fields)[format_.label]) : "";
  row->name = format_.name == TableFormat::kNone ? "" : CollapseBlanks((*fields)[format_.name]);
  return absl::OkStatus();
}

absl::Status Table::TakeJson(const std::string& record, TableRow* row) const {
  const auto at_line = [&](const absl::Status& status) { return ErrorAt(row->line, status.message()); };
  const absl::StatusOr<nlohmann::json> object = ParseObject(record);
  if (!object.ok()) {
    return at_line(object.status());
  }
  for (const ColumnOfText& column : format_.texts) {
    const auto text = FieldOf(*object, column.header);
    if (!text.ok()) {
      return at_line(text.status());
    }
    if ((*text)->is_string()) {
      row->texts.push_back((*text)->get<std::string>());
      continue;
    }
    absl::StatusOr<std::string> joined = TextIn(**text, column.header, 0);
    if (!joined.ok()) {
      return at_line(joined.status());
    }
    row->texts.push_back(*std::move(joined));
  }
  for (const ColumnOfText& column : format_.kept) {
    const auto value = FieldOf(*object, column.header);
    if (!value.ok()) {
      return at_line(value.status());
    }
    row->kept.push_back((*value)->is_string() ? KeptField{(*value)->get<std::string>()}
                                              : KeptField{std::string(SourceOf(record, column.header)), /*json=*/true});
  }
  if (labelled_) {
    const auto value = FieldOf(*object, format_.label_name);
    if (!value.ok()) {
      return at_line(value.status());
    }
    absl::StatusOr<std::string> label = LabelIn(**value, format_.label_name);
    if (!label.ok()) {
      return at_line(label.status());
    }
    row->label = *std::move(label);
    // The field `name` is the name of the class, as in a column `name`, unless the user gives it another meaning.
    const auto name = object->find("name");
    const bool used =
        format_.label_name == "name" || std::any_of(format_.texts.begin(), format_.texts.end(),
                                                    [](const ColumnOfText& text) { return text.header == "name"; });
    if (name != object->end() && !name->is_null() && !used) {
      absl::StatusOr<std::string> words = TextIn(*name, "name", 0);
      if (!words.ok()) {
        return at_line(words.status());
      }
      row->name = *std::move(words);
    }
  }
  return absl::OkStatus();
}

absl::Status Table::TakeLabelTabText(const std::string& record, TableRow* row) const {
  const std::vector<std::string> columns = absl::StrSplit(record, '\t');
  if (columns.size() == 1) {
    return ErrorAt(row->line, "no tab between label and text");
  }
  if (columns.size() > 3) {
    return ErrorAt(row->line, "more than two tabs; a line is label, tab, text, or label, tab, name, tab, text");
  }
  row->label = CollapseBlanks(columns.front());
  row->name = columns.size() == 3 ? CollapseBlanks(columns[1]) : "";
  row->texts = {columns.back()};
  return absl::OkStatus();
}

absl::Status Table::TakeTabbedTexts(const std::string& record, TableRow* row) const {
  if (CollapseBlanks(record).empty()) {
    row->texts.resize(format_.texts.size());
    return absl::OkStatus();
  }
  row->texts = absl::StrSplit(record, '\t');
  if (row->texts.size() != format_.texts.size()) {
    return ErrorAt(row->line, absl::StrCat(row->texts.size(), row->texts.size() == 1 ? " text" : " texts",
                                           " instead of ", format_.texts.size(), ", with tabs between them"));
  }
  return absl::OkStatus();
}

absl::StatusOr<bool> Table::Next(TableRow* row) {
  std::string record;
  *row = TableRow();
  ASSIGN_OR_RETURN(bool more, NextRecord(&record, &row->line));
  if (more && header_is_next_) {
    header_is_next_ = false;
    ASSIGN_OR_RETURN(more, NextRecord(&record, &row->line));
  }
  if (!more) {
    return false;
  }
  switch (format_.kind) {
    case TableFormat::kLines:
      row->texts = {std::move(record)};
      return true;
    case TableFormat::kTabbedTexts:
      RETURN_IF_ERROR(TakeTabbedTexts(record, row));
      return true;
    case TableFormat::kLabelTabText:
      RETURN_IF_ERROR(TakeLabelTabText(record, row));
      break;
    case TableFormat::kSeparated:
      RETURN_IF_ERROR(TakeSeparated(record, row));
      break;
    case TableFormat::kJson:
      RETURN_IF_ERROR(TakeJson(record, row));
      break;
  }
  if (labelled_ && row->label.empty()) {
    return ErrorAt(row->line, "empty label");
  }
  return true;
}

}  // namespace metaprompt
