#include "datasets/readers/csv.h"

#include <algorithm>
#include <cstddef>
#include <deque>
#include <iterator>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "datasets/readers/bad_lines.h"
#include "datasets/readers/csv_fields.h"
#include "datasets/readers/file_lines.h"
#include "metaprompt/base/example_texts.h"
#include "metaprompt/base/status_macros.h"
#include "metaprompt/base/text.h"

namespace metaprompt {
namespace {

// The index of a column, which is given by its name in the header or by its number from 1.
absl::StatusOr<size_t> ColumnOf(const std::string& column, const std::vector<std::string>& first, bool header) {
  const auto named = header ? std::find(first.begin(), first.end(), column) : first.end();
  if (named != first.end()) {
    return static_cast<size_t>(named - first.begin());
  }
  uint64_t number = 0;
  if (absl::SimpleAtoi(column, &number) && number >= 1 && number <= first.size()) {
    return static_cast<size_t>(number - 1);
  }
  const std::string names = absl::StrJoin(first, ", ");
  constexpr size_t kMost = 400;
  return absl::InvalidArgumentError(absl::StrCat("no column ", Quoted(column), "; there are ",
                                                 !header                 ? absl::StrCat(first.size())
                                                 : names.size() <= kMost ? names
                                                                         : absl::StrCat(first.size(), " columns")));
}

// The indices of the columns that the source reads, and the number of columns of the file.
struct Columns {
  size_t count = 0;
  size_t label = 0;
  std::vector<size_t> texts;       // of the texts of an example, in their order
  std::vector<std::string> names;  // as in the source's fields
};

// Finds the columns in the first record.
absl::StatusOr<Columns> ColumnsOf(const CsvSource& source, const std::vector<std::string>& first) {
  Columns columns;
  columns.count = first.size();
  ASSIGN_OR_RETURN(columns.label, ColumnOf(source.label_column(), first, source.header()));
  columns.names = {source.text_column()};
  if (!source.text_b_column().empty()) {
    columns.names.push_back(source.text_b_column());
  }
  columns.names.insert(columns.names.end(), source.more_columns().begin(), source.more_columns().end());
  for (const std::string& name : columns.names) {
    ASSIGN_OR_RETURN(const size_t place, ColumnOf(name, first, source.header()));
    if (std::find(columns.texts.begin(), columns.texts.end(), place) != columns.texts.end()) {
      return absl::InvalidArgumentError(
          absl::StrCat("the column ", Quoted(name), " is given for two texts of an example"));
    }
    columns.texts.push_back(place);
  }
  return columns;
}

// The delimiter of the spec, or the first of , ; tab | with which the first record has all columns.
char DelimiterOf(const CsvSource& source, absl::string_view first_record) {
  switch (source.delimiter()) {
    case CsvSource::COMMA:
      return ',';
    case CsvSource::SEMICOLON:
      return ';';
    case CsvSource::TAB:
      return '\t';
    case CsvSource::PIPE:
      return '|';
    case CsvSource::FROM_FILE:
      break;
  }
  for (const char delimiter : {',', ';', '\t', '|'}) {
    const absl::StatusOr<std::vector<std::string>> fields = SplitRecord(first_record, delimiter);
    if (fields.ok() && ColumnsOf(source, *fields).ok()) {
      return delimiter;
    }
  }
  return ',';
}

// The records of a file. If a record is damaged, its lines after the first are read again as other records.
class Records {
 public:
  Records(const CsvSource& source, FileLines lines) : source_(source), lines_(std::move(lines)) {}

  int64_t number() const { return number_; }                          // the number of the record's first line
  const std::vector<std::string>& fields() const { return fields_; }  // of the record, unless it is damaged
  const absl::Status& damage() const { return damage_; }              // what is wrong with the record

  // Moves to the next record; false at the end.
  absl::StatusOr<bool> Next() {
    std::vector<std::pair<int64_t, std::string>> used;
    RecordLines lines;
    std::string record;
    damage_ = absl::OkStatus();
    for (;;) {
      ASSIGN_OR_RETURN(const bool more, TakeLine(&used));
      if (!more && used.empty()) {
        return false;
      }
      if (!more || lines.TooLong()) {
        damage_ = absl::InvalidArgumentError("a quote that is not closed");
        break;
      }
      if (used.size() == 1 && used[0].second.empty()) {
        used.clear();
        continue;
      }
      if (lines.Add(used.back().second)) {
        record = lines.Take();
        damage_ = CheckUtf8(record);
        break;
      }
    }
    number_ = used[0].first;
    if (damage_.ok()) {
      if (delimiter_ == '\0') {
        delimiter_ = DelimiterOf(source_, record);
      }
      absl::StatusOr<std::vector<std::string>> fields = SplitRecord(record, delimiter_);
      damage_ = fields.status();
      fields_ = fields.ok() ? *std::move(fields) : std::vector<std::string>();
    }
    if (!damage_.ok()) {
      waiting_.insert(waiting_.begin(), std::make_move_iterator(used.begin() + 1), std::make_move_iterator(used.end()));
    }
    return true;
  }

 private:
  // Appends the next line; false at the end.
  absl::StatusOr<bool> TakeLine(std::vector<std::pair<int64_t, std::string>>* used) {
    if (!waiting_.empty()) {
      used->push_back(std::move(waiting_.front()));
      waiting_.pop_front();
      return true;
    }
    ASSIGN_OR_RETURN(const bool more, lines_.Next());
    if (more) {
      used->emplace_back(lines_.number(), std::string(lines_.line()));
    }
    return more;
  }

  const CsvSource& source_;
  FileLines lines_;
  char delimiter_ = '\0';  // unset until the first record that is UTF-8
  std::deque<std::pair<int64_t, std::string>> waiting_;
  int64_t number_ = 0;
  std::vector<std::string> fields_;
  absl::Status damage_;
};

// Adds a record that is not the header. An error gives the reason why it is damaged.
absl::Status TakeRecord(const std::vector<std::string>& fields, const Columns& columns, const ImportOptions& options,
                        Imported* imported) {
  if (fields.size() != columns.count) {
    return absl::InvalidArgumentError(
        absl::StrCat(fields.size(), fields.size() == 1 ? " field" : " fields", " instead of ", columns.count));
  }
  std::string label = CollapseBlanks(fields[columns.label]);
  std::vector<std::string> texts;
  for (size_t i = 0; i < columns.texts.size(); ++i) {
    texts.push_back(CollapseBlanks(fields[columns.texts[i]], options.max_words));
    if (label.empty() || texts.back().empty()) {
      return absl::InvalidArgumentError(label.empty() ? "empty label"
                                        : columns.texts.size() == 1
                                            ? "empty text"
                                            : absl::StrCat("empty text in the column ", Quoted(columns.names[i])));
    }
  }
  imported->Add(std::move(label), JoinTexts(texts));
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<Imported> LoadCsv(const CsvSource& source, const ImportOptions& options) {
  ASSIGN_OR_RETURN(FileLines lines, FileLines::Open(source.path()));
  Records records(source, std::move(lines));
  const auto error = [&](absl::string_view what) {
    return absl::InvalidArgumentError(absl::StrCat(source.path(), ":", records.number(), ": ", what));
  };
  Imported imported;
  BadLines bad;
  std::optional<Columns> columns;  // unset until the first record that is not damaged
  for (;;) {
    ASSIGN_OR_RETURN(const bool more, records.Next());
    if (!more) {
      break;
    }
    absl::Status damage = records.damage();
    if (damage.ok() && !columns.has_value()) {
      absl::StatusOr<Columns> found = ColumnsOf(source, records.fields());
      if (!found.ok()) {
        return error(found.status().message());
      }
      columns = *found;
      if (source.header()) {
        continue;
      }
    } else if (!damage.ok() && !columns.has_value() && source.header()) {
      // Only the header tells which columns there are, so it cannot be skipped.
      return error(absl::StrCat("the header: ", damage.message()));
    }
    if (damage.ok()) {
      damage = TakeRecord(records.fields(), *columns, options, &imported);
    }
    if (!damage.ok()) {
      bad.Add(source.path(), records.number(), damage.message());
    }
  }
  RETURN_IF_ERROR(imported.Finish(bad, options, source.path()));
  return imported;
}

}  // namespace metaprompt
