#include "datasets/readers/csv.h"

#include <algorithm>
#include <cstddef>
#include <deque>
#include <iterator>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "datasets/readers/bad_lines.h"
#include "datasets/readers/file_lines.h"
#include "metaprompt/base/text.h"

namespace metaprompt {
namespace {

constexpr size_t kLongestRecord = size_t{1} << 20U;

// The fields of a record that is whole: its quotes are even in number.
absl::StatusOr<std::vector<std::string>> FieldsOf(absl::string_view record) {
  std::vector<std::string> fields;
  for (size_t at = 0;; ++at) {  // at: where a field begins
    std::string field;
    if (at < record.size() && record[at] == '"') {
      for (++at; at < record.size(); ++at) {
        if (record[at] == '"' && (++at == record.size() || record[at] != '"')) {
          break;  // behind the quote that ends the field
        }
        field.push_back(record[at]);
      }
      if (at < record.size() && record[at] != ',') {
        return absl::InvalidArgumentError("text after the quote that ends a field");
      }
    } else {
      const size_t end = std::min(record.find(',', at), record.size());
      field = std::string(record.substr(at, end - at));
      if (field.find('"') != std::string::npos) {
        return absl::InvalidArgumentError("a quote inside a field that does not begin with one");
      }
      at = end;
    }
    fields.push_back(std::move(field));
    if (at >= record.size()) {
      return fields;
    }
  }
}

// The records of a file. Lines of a damaged record but the first are read again.
class Records {
 public:
  explicit Records(FileLines lines) : lines_(std::move(lines)) {}

  int64_t number() const { return number_; }                          // of the record's first line
  const std::vector<std::string>& fields() const { return fields_; }  // of the record
  const absl::Status& damage() const { return damage_; }              // OK: the record is well

  absl::StatusOr<bool> Next() {
    std::vector<std::pair<int64_t, std::string>> used;
    std::string record;
    std::ptrdiff_t quotes = 0;
    damage_ = absl::OkStatus();
    for (;;) {
      const absl::StatusOr<bool> more = TakeLine(&used);
      if (!more.ok()) {
        return more;
      }
      if (!*more && used.empty()) {
        return false;
      }
      if (!*more || record.size() > kLongestRecord) {
        damage_ = absl::InvalidArgumentError("a quote that is not closed");
        break;
      }
      if (used.size() == 1 && used[0].second.empty()) {
        used.clear();
        continue;
      }
      absl::StrAppend(&record, used.size() == 1 ? "" : "\n", used.back().second);
      quotes += std::count(used.back().second.begin(), used.back().second.end(), '"');
      if (quotes % 2 == 0) {
        damage_ = CheckUtf8(record);
        break;
      }
    }
    number_ = used[0].first;
    if (damage_.ok()) {
      absl::StatusOr<std::vector<std::string>> fields = FieldsOf(record);
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
    const absl::StatusOr<bool> more = lines_.Next();
    if (more.ok() && *more) {
      used->emplace_back(lines_.number(), std::string(lines_.line()));
    }
    return more;
  }

  FileLines lines_;
  std::deque<std::pair<int64_t, std::string>> waiting_;
  int64_t number_ = 0;
  std::vector<std::string> fields_;
  absl::Status damage_;
};

// The place of a column: by its name in the header, or by its number.
absl::StatusOr<size_t> ColumnOf(const std::string& column, const std::vector<std::string>& first, bool header) {
  const auto named = header ? std::find(first.begin(), first.end(), column) : first.end();
  if (named != first.end()) {
    return static_cast<size_t>(named - first.begin());
  }
  uint64_t number = 0;
  if (absl::SimpleAtoi(column, &number) && number >= 1 && number <= first.size()) {
    return static_cast<size_t>(number - 1);
  }
  return absl::InvalidArgumentError(absl::StrCat("no column ", Quoted(column), "; there are ",
                                                 header ? absl::StrJoin(first, ", ") : absl::StrCat(first.size())));
}

}  // namespace

absl::StatusOr<Imported> LoadCsv(const CsvSource& source, const ImportOptions& options) {
  absl::StatusOr<FileLines> lines = FileLines::Open(source.path());
  if (!lines.ok()) {
    return lines.status();
  }
  Records records(*std::move(lines));
  Imported imported;
  BadLines bad;
  size_t columns = 0;  // 0: no record yet
  size_t label_column = 0;
  size_t text_column = 0;
  for (;;) {
    const absl::StatusOr<bool> more = records.Next();
    if (!more.ok()) {
      return more.status();
    }
    if (!*more) {
      break;
    }
    const std::vector<std::string>& fields = records.fields();
    if (!records.damage().ok()) {
      if (columns == 0 && source.header()) {  // bad or not, no other line says what the columns are
        return absl::InvalidArgumentError(
            absl::StrCat(source.path(), ":", records.number(), ": the header: ", records.damage().message()));
      }
      bad.Add(source.path(), records.number(), records.damage().message());
      continue;
    }
    if (columns == 0) {
      for (const auto& [name, place] : {std::make_pair(&source.label_column(), &label_column),
                                        std::make_pair(&source.text_column(), &text_column)}) {
        const absl::StatusOr<size_t> found = ColumnOf(*name, fields, source.header());
        if (!found.ok()) {
          return absl::InvalidArgumentError(
              absl::StrCat(source.path(), ":", records.number(), ": ", found.status().message()));
        }
        *place = *found;
      }
      columns = fields.size();
      if (source.header()) {
        continue;
      }
    }
    if (fields.size() != columns) {
      bad.Add(source.path(), records.number(),
              absl::StrCat(fields.size(), fields.size() == 1 ? " field" : " fields", " instead of ", columns));
      continue;
    }
    std::string label = CollapseBlanks(fields[label_column]);
    std::string text = CollapseBlanks(fields[text_column], options.max_words);
    if (label.empty() || text.empty()) {
      bad.Add(source.path(), records.number(), label.empty() ? "empty label" : "empty text");
      continue;
    }
    imported.Add(std::move(label), std::move(text));
  }
  if (absl::Status status = imported.Finish(bad, options, source.path()); !status.ok()) {
    return status;
  }
  return imported;
}

}  // namespace metaprompt
