// The layout of a user's file of texts, guessed from its first lines: CSV, TSV, JSON lines, or plain lines.
#ifndef DATASETS_READERS_TABLE_FORMAT_H_
#define DATASETS_READERS_TABLE_FORMAT_H_

#include <cstddef>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "datasets/readers/known_columns.h"

namespace metaprompt {

struct TableFormat {
  static constexpr size_t kNone = kNoColumn;

  enum Kind {
    kLines,         // each line is a text
    kLabelTabText,  // `label<TAB>text` or `label<TAB>name<TAB>text` lines, without a header
    kTabbedTexts,   // the texts of an example, with tabs between them, without a header
    kSeparated,     // separated values, with quotes
    kJson,          // one JSON object per line
  };
  Kind kind = kLines;
  // Of kSeparated.
  char delimiter = ',';
  bool header = false;
  size_t columns = 0;                   // fields per record
  std::vector<std::string> names = {};  // of the columns, if there is a header
  size_t label = kNone;                 // index of the column; kNone: there is no such column
  size_t name = kNone;
  std::string label_name;  // of kSeparated with a header, and of kJson; empty: there is no such column
  std::vector<ColumnOfText> texts = {ColumnOfText()};  // of an example, in their order
  std::vector<ColumnOfText> kept = {};                 // as in ColumnNames::keep
  bool guessed = false;  // whether columns were guessed from their contents and not found by their names; for kLines:
                         // whether the lines look like columns, of which none has a known name

  // "CSV, label column 'intent', text column 'message'".
  std::string Describe() const;

  std::vector<std::string> NamesOfTexts() const;  // ColumnOfText::name of each
};

// The format of a file with a label for each text; `lines` are its first lines. A column is found by its name (label,
// class, category, intent ...; text, sentence, message ...), or by its contents: labels recur, texts are long. The
// columns of a pair are found only by their names (premise and hypothesis, sentence1 and sentence2 ...). The error,
// which does not name the file, asks for the columns' names.
absl::StatusOr<TableFormat> LabelledFormat(absl::Span<const std::string> lines, const ColumnNames& names);

// The format of texts without labels; `lines` are the first one and perhaps more. Each line is a text unless the first
// that is not empty has a text column that is found by its name; if several texts are wanted, the line must have them,
// separated by tabs. Only `guessed` depends on more lines. Errors: a line that begins with { and is not a JSON object
// with the fields of the texts; two columns with the same name; what LikelyCause finds.
absl::StatusOr<TableFormat> TextFormat(absl::Span<const std::string> lines, const ColumnNames& names);

}  // namespace metaprompt

#endif  // DATASETS_READERS_TABLE_FORMAT_H_
