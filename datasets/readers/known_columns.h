// Finds the columns of labels and of texts among the names in a header, or among the fields of a JSON object.
#ifndef DATASETS_READERS_KNOWN_COLUMNS_H_
#define DATASETS_READERS_KNOWN_COLUMNS_H_

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"

namespace metaprompt {

constexpr size_t kNoColumn = static_cast<size_t>(-1);  // in place of the index of a column

// The columns that the user names: by a name in the header, by a number from 1, or, in JSON, by a field. Empty: to be
// guessed.
struct ColumnNames {
  std::string label;
  std::string text;
  // They are the names of another file's columns, and texts without labels may have them: then a text column that is
  // not in the first line, or a number, means that each line is a text.
  bool of_examples = false;
  std::string text_b = {};  // of the second text of a pair
  // The names of the texts that an example must have, such as text and text_b. Text and text_b are found as described
  // at LabelledFormat, others by their own name. Empty: a pair if `text_b` is set or the columns are those of a pair,
  // else one text.
  std::vector<std::string> wanted = {};
};

// Where a text of each example is.
struct ColumnOfText {
  std::string name = "text";  // what a template calls it
  size_t place = kNoColumn;   // of kSeparated: index of the column
  std::string header = {};    // what the file calls it; empty: the file has no names
};

struct FoundColumns {
  size_t label = kNoColumn;
  std::vector<ColumnOfText> texts;
  bool numbers = false;  // whether the user gave a column by its number
  bool names = false;    // whether a column was found by a name, the user's or a known one, that is not a number
};

// The columns of a first record, or of the fields of a first object: those that `names` names, or else those with a
// known name, whatever its case. `json`: a field that the user names need not be in this object, and is no number.
// Nothing if a column is missing, or if one would be two.
std::optional<FoundColumns> FindColumns(const std::vector<std::string>& first, const ColumnNames& names, bool labelled,
                                        bool json);

// Whether one of the columns is called as texts often are.
bool HasTextName(const std::vector<std::string>& first);

// The error of columns that are a pair of texts where one text is wanted and the user does not name it. Else OK.
absl::Status CheckNotPair(const std::vector<std::string>& first, const ColumnNames& names);

// The names of the texts of an example, if they can be known without a look at the file.
std::vector<std::string> NamesWithoutLook(const ColumnNames& names);

}  // namespace metaprompt

#endif  // DATASETS_READERS_KNOWN_COLUMNS_H_
