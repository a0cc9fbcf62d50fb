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

// The columns that the user gives: by a name in the header, by a number from 1, or, in JSON, by a field name. Empty:
// the column is guessed.
struct ColumnNames {
  std::string label;
  std::string text;
  // The names are those of the columns of another file (the examples), and the texts without labels may or may not have
  // the same columns, in upper or lower case. A name that is not in the first line counts as not given.
  bool of_examples = false;
  std::string text_b = {};  // of the second text of a pair
  // The names of the texts that an example must have, such as text and text_b. Text and text_b are found as described
  // at LabelledFormat, others by their own name. Empty: a pair if `text_b` is set or the columns are those of a pair,
  // else one text.
  std::vector<std::string> wanted = {};
  // Further columns of texts without labels, for TableRow::kept.
  std::vector<std::string> keep = {};
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
  bool names = false;    // whether a column was found by a name that is not a number: the user's or a known one
};

// The columns among the fields of a file's first record or first object: those that `names` gives, or else those with a
// known name, in upper or lower case. `json`: a field that the user gives need not be in this object, and is never
// taken as a number. Nothing if a column is missing, or if one column would have two roles.
std::optional<FoundColumns> FindColumns(const std::vector<std::string>& first, const ColumnNames& names, bool labelled,
                                        bool json);

// The names by which a text column is found, in the order in which they are tried: "text, sentence, ...".
std::string KnownTextNames();

// Whether one of the columns has a name that text columns often have.
bool HasTextName(const std::vector<std::string>& first);

// An error if the columns are those of a pair of texts, but one text is wanted and the user does not name its column.
// Otherwise OK.
absl::Status CheckNotPair(const std::vector<std::string>& first, const ColumnNames& names);

// The names of the texts of an example as far as they are known before the file is read.
std::vector<std::string> NamesWithoutLook(const ColumnNames& names);

}  // namespace metaprompt

#endif  // DATASETS_READERS_KNOWN_COLUMNS_H_
