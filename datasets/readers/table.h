// Examples of one text or several, with labels or without, from a stream in any of the layouts of TableFormat.
#ifndef DATASETS_READERS_TABLE_H_
#define DATASETS_READERS_TABLE_H_

#include <cstdint>
#include <deque>
#include <istream>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "datasets/readers/table_format.h"

namespace metaprompt {

// A field of TableFormat::kept.
struct KeptField {
  std::string text;   // unchanged
  bool json = false;  // whether `text` is JSON: in JSON lines, what is written for a value that is not a string
};

struct TableRow {
  std::string label;               // as in the file, after CollapseBlanks; empty in files without labels
  std::string name;                // of the class; empty if the file has none
  std::vector<std::string> texts;  // of the example, unchanged; they may be empty or blank
  std::vector<KeptField> kept;     // of the columns TableFormat::kept
  int64_t line = 0;                // where the record begins
};

// The row's texts with collapsed blanks, as one example (JoinTexts). Empty if one of them is blank.
std::string ExampleOf(const TableRow& row);

class Table {
 public:
  // Reads the first lines to find the format: up to 200 lines of a labelled table, otherwise one line and those of the
  // next 19 for which it need not wait. `name` is the stream's name in errors. `in` must outlive the result.
  static absl::StatusOr<Table> Open(std::istream* in, std::string name, bool labelled, const ColumnNames& columns);

  const TableFormat& format() const { return format_; }

  // Reads the next row; false at the end. In a labelled table blank lines are skipped, and an empty label is an error;
  // in plain lines a blank line is a row. Lines end with LF or CR LF, and a byte-order mark at the start is skipped.
  // Errors name the stream and the line.
  absl::StatusOr<bool> Next(TableRow* row);

  // Whether more input is available, so that Next does not wait for it.
  bool Waiting() const { return !ahead_.empty() || in_->rdbuf()->in_avail() > 0; }

  // `NAME:LINE: what`.
  absl::Status ErrorAt(int64_t line, absl::string_view what) const;

 private:
  Table(std::istream* in, std::string name, bool labelled) : in_(in), name_(std::move(name)), labelled_(labelled) {}

  absl::StatusOr<bool> ReadLine(std::string* line);  // from the stream
  absl::StatusOr<bool> NextLine(std::string* line);  // from those read ahead, then from the stream
  absl::StatusOr<bool> NextRecord(std::string* record, int64_t* line);
  absl::Status TakeSeparated(const std::string& record, TableRow* row) const;
  absl::Status TakeJson(const std::string& record, TableRow* row) const;
  absl::Status TakeLabelTabText(const std::string& record, TableRow* row) const;
  absl::Status TakeTabbedTexts(const std::string& record, TableRow* row) const;

  std::istream* in_;
  std::string name_;
  bool labelled_;
  TableFormat format_;
  std::deque<std::string> ahead_;
  int64_t number_ = 0;       // of the line that NextLine gave
  int64_t read_number_ = 0;  // of the line that was read last
  bool header_is_next_ = false;
};

}  // namespace metaprompt

#endif  // DATASETS_READERS_TABLE_H_
